import { expect, test } from 'vitest';

import { heapGrowth } from '../support/content-types.js';
import { startApp } from '../support/http-app.js';

test('500 made-up content types leave the heap flat', async () => {
  const app = await startApp();
  // The log that the test keeps is no heap of the service.
  const forget = setInterval(() => {
    app.lines.length = 0;
    app.seen.length = 0;
  }, 20);
  const grown = await heapGrowth(app.port, { warmUp: 100, variants: 500 });
  clearInterval(forget);
  await app.server.stop();
  expect(grown).toBeLessThan(4);
}, 60_000);
