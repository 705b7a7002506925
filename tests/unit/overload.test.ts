import { expect, test } from 'vitest';

import { createOverloadWatch } from '../../src/http/overload.js';

test('half a minute of too much is not ready; a moment without it begins anew', async () => {
  const now = { ms: 0, isTooMuch: true };
  const watch = createOverloadWatch(
    () => now.isTooMuch,
    () => now.ms,
  );
  await watch.requireRelief();
  now.ms = 29_999;
  await watch.requireRelief();
  now.ms = 30_000;
  await expect(watch.requireRelief()).rejects.toThrow('there has been too much to do for over 30 s');
  now.isTooMuch = false;
  await watch.requireRelief();
  now.isTooMuch = true;
  now.ms = 59_000;
  await watch.requireRelief();
  now.ms = 88_999;
  await watch.requireRelief();
  now.ms = 89_000;
  await expect(watch.requireRelief()).rejects.toThrow('there has been too much');
});

test('it is looked at whether or not anybody asks', async () => {
  let looks = 0;
  const watch = createOverloadWatch(() => (looks += 1) > 0);
  await watch.start();
  await expect.poll(() => looks, { timeout: 5_000 }).toBeGreaterThan(1);
  await watch.stop();
});
