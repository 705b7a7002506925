/** Real stalls of the event loop that the test runs on. */
import { afterEach, beforeEach, expect, test } from 'vitest';

import { createLoopDelay } from '../../src/platform/loop-delay.js';

const loop = createLoopDelay();
beforeEach(() => loop.start());
afterEach(() => loop.stop());

function standStill(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}
const comeRound = (ms = 0): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

test('one stall is not lateness, stalls that follow each other are, and it passes', async () => {
  await comeRound(600);
  expect(loop.lateMs()).toBeLessThan(50);
  standStill(400);
  for (let looks = 0; looks < 60; looks += 1) {
    await comeRound(10);
    expect(loop.lateMs()).toBeLessThan(100);
  }
  for (let stalls = 0; stalls < 6; stalls += 1) {
    standStill(250);
    await comeRound();
  }
  expect(loop.lateMs()).toBeGreaterThan(100);
  await expect.poll(() => loop.lateMs(), { timeout: 5_000 }).toBeLessThan(50);
});
