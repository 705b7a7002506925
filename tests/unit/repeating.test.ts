/** What is done from time to time: never twice at once, on past a failure, and to its end when it is stopped. */
import { expect, test } from 'vitest';

import { repeating } from '../../src/shared/part.js';

const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

test('a turn that lasts leaves out those that would begin meanwhile, and is waited for by a stop', async () => {
  let under = 0;
  let most = 0;
  let begun = 0;
  const work = async (): Promise<void> => {
    begun += 1;
    most = Math.max(most, (under += 1));
    await wait(60);
    under -= 1;
  };
  const part = repeating('slow', work, { everyMs: 5, onFailure: () => undefined });
  const startedAt = performance.now();
  await part.start();
  await wait(150);
  await part.stop();
  expect([most, under]).toEqual([1, 0]);
  // Each lasts, and none was saved up.
  expect(begun).toBeLessThanOrEqual(1 + (performance.now() - startedAt) / 59);
  const whenStopped = begun;
  await wait(30);
  expect(begun).toBe(whenStopped);
});

test('a failure is heard of, and the next turn is taken all the same', async () => {
  const heard: unknown[] = [];
  const part = repeating('failing', () => Promise.reject(new Error('no')), {
    everyMs: 5,
    onFailure: (error) => heard.push(error),
  });
  await part.start();
  while (heard.length < 2) await wait(5);
  await part.stop();
  expect(heard[0]).toEqual(new Error('no'));
});

test('one that was never started stops', async () => {
  await repeating('idle', () => Promise.resolve(), { everyMs: 5, onFailure: () => undefined }).stop();
});
