import { expect, test } from 'vitest';

import { createMemo } from '../../src/shared/memo.js';

test('what is asked for again is kept, and never more than twice its size', () => {
  const memo = createMemo<number>(10);
  const kept = (): number[] => Array.from({ length: 1_000 }, (_, at) => memo.get(`k${String(at)}`)).flatMap((at) => at ?? []);
  for (let at = 0; at < 1_000; at += 1) {
    memo.set(`k${String(at)}`, at);
    expect(memo.get('k0')).toBe(0);
  }
  expect(memo.get('nothing')).toBeUndefined();
  expect(kept().length).toBeLessThanOrEqual(20);
  expect(memo.get('k999')).toBe(999);
}); // prettier-ignore
