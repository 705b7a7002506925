import { beforeEach, expect, test } from 'vitest';

import { createFootings, SILENCE_MS } from '../../src/sync/footings.js';
import type { Footings, Heard, TenantState } from '../../src/sync/footings.js';

let ticks: number;
let now: number;
let states: Map<string, Partial<TenantState>>;
let lost: string[];
let reads: number;
/** Held reads: each is let go by hand. */
let held: (() => void)[] | undefined;
let footings: Footings;

const heard = (more: Partial<Heard> = {}): Heard => ({ isWhole: false, applied: [], moving: [], ...more });

beforeEach(() => {
  ticks = 0;
  now = 1_000;
  states = new Map();
  lost = [];
  reads = 0;
  held = undefined;
  footings = createFootings({
    now: () => now,
    ticks: () => ticks,
    onLost: (count, reason) => lost.push(`${count} ${reason}`),
    read: async (tenantIds) => {
      reads += 1;
      const seen = tenantIds.map((tenantId) => ({
        tenantId, version: 0, platformVersion: 0, isPending: false, until: null, ...states.get(tenantId),
      })); // prettier-ignore
      await new Promise<void>((resolve) => (held === undefined ? resolve() : held.push(resolve)));
      return seen;
    },
  });
  footings.hear(heard({ isWhole: true }), ticks);
});

/** What is given once whatever was wanted has been read. */
async function settled(tenantId = 't', at = now) {
  footings.get(tenantId, at);
  await footings.idle();
  return footings.get(tenantId, at);
}

test('a footing is read once and stays the same object while nothing moves', async () => {
  const first = await settled();
  expect(first).toEqual({ from: 1_000, until: Infinity });
  footings.hear(heard({ applied: [{ tenantId: 'other', version: 1 }] }), ticks);
  now = 5_000;
  expect(footings.get('t', now)).toBe(first);
  expect(reads).toBe(1);
});

test.each([
  ['something is applied there', () => footings.hear(heard({ applied: [{ tenantId: 't', version: 1 }] }), ticks)],
  ['something is applied on the platform', () => footings.hear(heard({ applied: [{ tenantId: '', version: 1 }] }), ticks)],
  ['its tuples are being written', () => footings.hear(heard({ moving: ['t'] }), ticks)],
  ['the platform’s tuples are being written', () => footings.hear(heard({ moving: [''] }), ticks)],
  ['a token has seen a later version', () => footings.note('t', 3)],
  ['the truth was replaced', () => footings.forget()],
])('a footing is gone once %s', async (_what, move) => {
  const first = await settled();
  move();
  expect(footings.get('t', now)).toBeUndefined();
  expect(lost).toEqual(['1 change']);
  states.set('t', { version: footings.version('t') ?? 0, platformVersion: footings.version('') ?? 0 });
  const second = await settled();
  expect(second).toEqual(first);
  expect(second).not.toBe(first);
}); // prettier-ignore

test('after a silence, a version that went back or away is a movement too', async () => {
  states.set('t', { version: 7 });
  states.set('gone', { version: 2 });
  footings.note('t', 7);
  footings.note('gone', 2);
  await settled('gone');
  await settled('t');
  footings.hear(heard({ isWhole: true, applied: [{ tenantId: 't', version: 6 }] }), ticks);
  expect(footings.get('t', now)).toBeUndefined();
  expect(footings.get('gone', now)).toBeUndefined();
  expect(footings.version('t')).toBe(6);
});

test('nothing is given while the feed has been silent for too long, and the same again once it is confirmed', async () => {
  const first = await settled();
  ticks = SILENCE_MS;
  expect(footings.get('t', now)).toBe(first);
  ticks += 1;
  expect(footings.get('t', now)).toBeUndefined();
  footings.hear(heard(), ticks);
  expect(footings.get('t', now)).toBe(first);
});

test('a confirmation counts from when the feed was asked, not from when it answered', async () => {
  await settled();
  ticks = SILENCE_MS + 100;
  footings.hear(heard(), 50);
  expect(footings.get('t', now)).toBeUndefined();
});

test('the edge of a window ends it, exactly', async () => {
  states.set('t', { until: 1_500 });
  const first = await settled();
  expect(footings.get('t', 1_499)).toBe(first);
  expect(footings.get('t', 1_500)).toBeUndefined();
  expect(lost).toEqual(['1 time']);
});

test('a clock that was set back asks anew', async () => {
  await settled();
  expect(footings.get('t', 999)).toBeUndefined();
});

test('a tenant with something pending has none, and is not looked at again at once', async () => {
  states.set('t', { isPending: true });
  expect(await settled()).toBeUndefined();
  expect(await settled()).toBeUndefined();
  expect(reads).toBe(1);
  states.set('t', {});
  ticks += 20;
  footings.hear(heard(), ticks);
  expect(await settled()).toBeDefined();
});

test.each([
  ['of the tenant', heard({ applied: [{ tenantId: 't', version: 1 }] })],
  ['of the platform', heard({ applied: [{ tenantId: '', version: 1 }] })],
  ['that is only about to come', heard({ moving: ['t'] })],
])('what was read before a movement %s is not taken after it', async (_what, movement) => {
  held = [];
  footings.get('t', now);
  await Promise.resolve();
  await Promise.resolve();
  expect(held).toHaveLength(1);
  footings.hear(movement, ticks);
  held.pop()?.();
  held = undefined;
  await footings.idle();
  expect(footings.get('t', now)).toBeUndefined();
});

test('a read tells of a movement before the feed does', async () => {
  const first = await settled('u');
  states.set('t', { platformVersion: 4 });
  const read = await settled('t');
  expect(read).toBeDefined();
  expect(footings.get('u', now)).not.toBe(first);
  // What the feed then says is no news.
  footings.hear(heard({ applied: [{ tenantId: '', version: 4 }] }), ticks);
  expect(footings.get('t', now)).toBe(read);
});

test('a failed read is tried again by the next who asks', async () => {
  let isBroken = true;
  const failing = createFootings({
    now: () => now,
    ticks: () => ticks,
    read: ([tenantId = '']) =>
      isBroken
        ? Promise.reject(new Error('away'))
        : Promise.resolve([{ tenantId, version: 0, platformVersion: 0, isPending: false, until: null }]),
  });
  failing.hear(heard(), 0);
  failing.get('t', now);
  await failing.idle();
  isBroken = false;
  expect(failing.get('t', now)).toBeUndefined();
  await failing.idle();
  expect(failing.get('t', now)).toBeDefined();
});

test('made-up tenants do not fill the memory', async () => {
  for (let tenant = 0; tenant < 10_200; tenant += 100) {
    for (let next = tenant; next < tenant + 100; next += 1) footings.get(`t${next}`, now);
    await footings.idle();
  }
  expect(footings.get('t0', now)).toBeUndefined();
  expect(footings.get('t10199', now)).toBeDefined();
});
