import { readFileSync, readdirSync } from 'node:fs';
import { getPriority } from 'node:os';
import { performance } from 'node:perf_hooks';

import { expect, test } from 'vitest';

import { createPasswordHasher, hashPassword, needsRehash } from '../../src/platform/password-hash.js';

const never = new AbortController().signal;

test('a hash is argon2id with the parameters that we state, salted, and verifies its text alone', async () => {
  const [first, second] = [await hashPassword('plum violin'), await hashPassword('plum violin')];
  expect(first).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/);
  expect(first).not.toBe(second);
  const place = createPasswordHasher().admit();
  expect(await place.verify(first, 'plum violin', never)).toBe(true);
  for (const other of ['plum violi', 'plum violin ', 'Plum violin', '', 'plum violin\0']) {
    expect(await place.verify(first, other, never)).toBe(false);
  }
  place.release();
});

test('where there is no hash the same work is done, and the answer is no', async () => {
  const place = createPasswordHasher().admit();
  const hash = await hashPassword('x');
  const timed = async (phc: string | undefined): Promise<number> => {
    const startedAt = performance.now();
    expect(await place.verify(phc, 'wrong', never)).toBe(false);
    return performance.now() - startedAt;
  };
  const fastest = async (phc: string | undefined): Promise<number> =>
    Math.min(...[await timed(phc), await timed(phc), await timed(phc), await timed(phc), await timed(phc)]);
  // A missing hash that cost nothing would be hundreds of times faster.
  expect((await fastest(undefined)) / (await fastest(hash))).toBeGreaterThan(0.3);
});

test('hashes made with other parameters are known', async () => {
  expect(needsRehash(await hashPassword('x'))).toBe(false);
  expect(needsRehash('$argon2id$v=19$m=8192,t=1,p=1$c2FsdHNhbHQ$AAAA')).toBe(true);
});

test('beyond the places nobody is let in, until one is given back', () => {
  const hasher = createPasswordHasher({ concurrency: 1, queue: 2 });
  const places = [hasher.admit(), hasher.admit(), hasher.admit()];
  expect(() => hasher.admit()).toThrow(
    expect.objectContaining({ code: 'SIGN_IN_BUSY', retryAfterSeconds: 2 }) as Error,
  );
  places[0]?.release();
  places[0]?.release();
  const [last] = [hasher.admit()];
  expect(() => hasher.admit()).toThrow('too many sign-ins');
  last.release();
});

test('whoever waits too long leaves the queue, and nothing is worked out for them', async () => {
  const hasher = createPasswordHasher({ concurrency: 1, queue: 5 });
  const [first, second] = [hasher.admit(), hasher.admit()];
  const running = first.hash('x', never);
  const leaving = new AbortController();
  const waiting = second.hash('y', leaving.signal);
  leaving.abort(new Error('gone'));
  await expect(waiting).rejects.toThrow('gone');
  await running;
});

test('the event loop goes on while passwords are hashed', async () => {
  const hasher = createPasswordHasher({ concurrency: 2, queue: 20 });
  let ticks = 0;
  const ticking = setInterval(() => (ticks += 1), 1);
  await Promise.all(Array.from({ length: 10 }, () => hasher.admit().hash('x', never)));
  clearInterval(ticking);
  expect(ticks).toBeGreaterThan(5);
});

test('passwords are hashed at a lower priority than all else', async () => {
  await createPasswordHasher().admit().hash('x', never);
  const own = getPriority();
  // Only Linux gives a thread a priority of its own: the nineteenth field of its line, counted from one.
  const ofThreads = process.platform !== 'linux' ? [own + 1] : readdirSync('/proc/self/task').map(niceOf);
  expect(Math.max(...ofThreads)).toBeGreaterThan(own);
  expect(getPriority()).toBe(own);
});

function niceOf(thread: string): number {
  const line = readFileSync(`/proc/self/task/${thread}/stat`, 'utf8');
  // The program's name, in brackets, is the second field and may hold spaces.
  return Number(line.slice(line.lastIndexOf(')') + 2).split(' ')[16]);
}

test('a hash that nobody can read ends no thread but its own', async () => {
  const hasher = createPasswordHasher({ concurrency: 1, queue: 0 });
  const place = hasher.admit();
  await expect(place.verify('not a hash', 'x', never)).rejects.toThrow();
  expect(await place.verify(await hashPassword('x'), 'x', never)).toBe(true);
});
