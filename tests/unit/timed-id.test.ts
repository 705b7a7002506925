import { expect, test } from 'vitest';

import { newTimedId } from '../../src/shared/timed-id.js';

test('an id says when it was made, in its order too, and is like no other', () => {
  const ids = [0, 1, 1_763_000_000_000, 1_763_000_000_001, 281_474_976_710_655].map((ms) => newTimedId(ms));
  expect(ids.toSorted()).toEqual(ids);
  for (const id of ids) expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  expect(ids[2]?.replaceAll('-', '').slice(0, 12)).toBe((1_763_000_000_000).toString(16).padStart(12, '0'));
  expect(new Set(Array.from({ length: 10_000 }, () => newTimedId(5))).size).toBe(10_000);
});
