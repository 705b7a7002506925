import { beforeEach, expect, test } from 'vitest';

import { createKnownCallers, type KnownCallers } from '../../src/http/known-callers.js';
import type { Caller } from '../../src/shared/caller.js';

const ADA: Caller = { kind: 'user', actorUserId: 'ada', tenantId: 't1', via: 'token' };
const KEY: Caller = { kind: 'service', serviceKeyId: 'k1', tenantId: undefined };
const FOREVER = { at: 1_000, until: Infinity };

let now: number;
let revoked: Caller | undefined;
let callers: KnownCallers;
beforeEach(() => {
  now = 1_000;
  revoked = undefined;
  callers = createKnownCallers({ now: () => new Date(now), isRevoked: (caller) => caller === revoked });
});

test('who was judged is known by exactly that credential', () => {
  callers.learn('token', ADA, FOREVER);
  expect(callers.find('token')).toBe(ADA);
  expect(['token ', 'Token', 'toke', ''].map((other) => callers.find(other))).toEqual(Array(4).fill(undefined));
});

test.each<{ what: string; caller: Caller; lastsMs: number }>([
  { what: 'a token counts for a minute', caller: ADA, lastsMs: 60_000 },
  { what: 'a service key for less than half a second', caller: KEY, lastsMs: 400 },
])('$what after it was judged', ({ caller, lastsMs }) => {
  callers.learn('credential', caller, FOREVER);
  now += lastsMs - 1;
  expect(callers.find('credential')).toBe(caller);
  now += 1;
  expect(callers.find('credential')).toBeUndefined();
});

test('a credential ends when it would end by itself, to the millisecond', () => {
  callers.learn('token', ADA, { at: 1_000, until: 1_500 });
  now = 1_499;
  expect(callers.find('token')).toBe(ADA);
  now = 1_500;
  expect(callers.find('token')).toBeUndefined();
});

test('before it was judged it is not known', () => {
  callers.learn('token', ADA, { at: 2_000, until: Infinity });
  expect(callers.find('token')).toBeUndefined();
});

test('what ends meanwhile behind the caller ends this too', () => {
  callers.learn('token', ADA, FOREVER);
  revoked = ADA;
  expect(callers.find('token')).toBeUndefined();
});
