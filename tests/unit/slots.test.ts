import { expect, test } from 'vitest';

import { createSlots } from '../../src/platform/slots.js';

const NEVER = new AbortController().signal;
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('no more are under way than there are slots, in the order of asking', async () => {
  const slots = createSlots(2);
  let underWay = 0;
  let most = 0;
  const order: number[] = [];
  const work = async (name: number): Promise<void> => {
    const giveBack = await slots.take(1, NEVER);
    most = Math.max(most, (underWay += 1));
    order.push(name);
    await settled();
    underWay -= 1;
    giveBack();
  };
  await Promise.all([1, 2, 3, 4, 5].map(work));
  expect(most).toBe(2);
  expect(order).toEqual([1, 2, 3, 4, 5]);
});

test('one that asks for many waits for them, and is not overtaken', async () => {
  const slots = createSlots(3);
  const entered: string[] = [];
  const giveBack = await slots.take(1, NEVER);
  const large = slots.take(99, NEVER).then((done) => (entered.push('large'), done));
  const small = slots.take(1, NEVER).then((done) => (entered.push('small'), done));
  await settled();
  expect(entered).toEqual([]);
  giveBack();
  (await large)();
  (await small)();
  expect(entered).toEqual(['large', 'small']);
});

test('one that gives up leaves the queue, and lets those behind it pass', async () => {
  const slots = createSlots(2);
  const abort = new AbortController();
  const giveBack = await slots.take(1, NEVER);
  const large = slots.take(2, abort.signal);
  const small = slots.take(1, NEVER);
  abort.abort(new Error('given up'));
  await expect(large).rejects.toThrow('given up');
  (await small)();
  giveBack();
  (await slots.take(2, NEVER))();
  await expect(slots.take(1, abort.signal)).rejects.toThrow('given up');
});
