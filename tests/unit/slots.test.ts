import { expect, test, vi } from 'vitest';

import { createSlots, TooManyWaiting } from '../../src/platform/slots.js';

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

/** Who has entered, in order; each gives its place back by its own function. */
function crowd(slots: ReturnType<typeof createSlots>) {
  const entered: string[] = [];
  const done = new Map<string, () => void>();
  const ask = (name: string, line: string): void => {
    void slots.take(1, NEVER, { line }).then((giveBack) => {
      entered.push(name);
      done.set(name, giveBack);
    });
  };
  const leave = async (name: string): Promise<void> => {
    done.get(name)?.();
    await settled();
  };
  return { entered, ask, leave };
}

test('lines take turns: a long one delays nobody but those who stand in it', async () => {
  const { entered, ask, leave } = crowd(createSlots(1));
  for (const name of ['a1', 'a2', 'a3', 'a4']) ask(name, 'a');
  await settled();
  ask('b1', 'b');
  ask('c1', 'c');
  for (const name of ['a1', 'a2', 'b1', 'c1', 'a3']) await leave(name);
  expect(entered).toEqual(['a1', 'a2', 'b1', 'c1', 'a3', 'a4']);
});

test('a line holds no more than its share, and leaves the rest to others', async () => {
  const slots = createSlots(4, { held: 2 });
  const { entered, ask, leave } = crowd(slots);
  for (const name of ['a1', 'a2', 'a3', 'a4']) ask(name, 'a');
  await settled();
  expect(entered).toEqual(['a1', 'a2']);
  expect(slots.waiting()).toBe(2);
  ask('b1', 'b');
  await settled();
  expect(entered).toEqual(['a1', 'a2', 'b1']);
  await leave('a1');
  expect(entered).toEqual(['a1', 'a2', 'b1', 'a3']);
  // As many as it may hold, and not as many as there are.
  const all = slots.take(99, NEVER, { line: 'd' });
  await leave('b1');
  (await all)();
});

test('in company a line holds an equal share, and all that it may once it is alone', async () => {
  vi.useFakeTimers({ toFake: ['performance'] });
  try {
    const slots = createSlots(8, { held: 6, least: 2 });
    const { entered, ask, leave } = crowd(slots);
    const names = (line: string, count: number) => Array.from({ length: count }, (_, n) => `${line}${String(n)}`);
    for (const other of ['b', 'c', 'd', 'e', 'f']) ask(other, other);
    await settled();
    for (const other of ['b', 'c', 'd', 'e', 'f']) await leave(other);
    for (const name of names('a', 9)) ask(name, 'a');
    await settled();
    // A sixth of eight is one, and the least is two.
    expect(entered.slice(5)).toEqual(['a0', 'a1']);
    vi.advanceTimersByTime(1_000);
    await leave('a0');
    ask('a9', 'a');
    await settled();
    expect(entered.slice(5)).toEqual(['a0', 'a1', 'a2']);
    vi.advanceTimersByTime(1_000);
    ask('a10', 'a');
    await settled();
    // Those who were there a second before last count no more.
    expect(entered.slice(5)).toHaveLength(7);
  } finally {
    vi.useRealTimers();
  }
});

test('a line that is as long as it may be takes nobody more; the others do', async () => {
  const slots = createSlots(2, { held: 1, waiting: 2 });
  const { ask } = crowd(slots);
  for (const name of ['a1', 'a2', 'a3']) ask(name, 'a');
  await settled();
  await expect(slots.take(1, NEVER, { line: 'a' })).rejects.toBeInstanceOf(TooManyWaiting);
  (await slots.take(1, NEVER, { line: 'b' }))();
  expect(slots.waiting()).toBe(2);
});

test('who is in a hurry is refused where the line takes too long, and is taken where it does not', async () => {
  vi.useFakeTimers({ toFake: ['performance'] });
  try {
    const slots = createSlots(1);
    const backs = Array.from({ length: 30 }, () => slots.take(1, NEVER, { line: 'a' }));
    // Nothing is known yet of how fast it goes.
    const first = slots.take(1, NEVER, { line: 'a', withinMs: 100 });
    for (const back of backs.slice(0, 12)) {
      vi.advanceTimersByTime(20);
      (await back)();
    }
    // One leaves every 20 ms, and 18 wait besides the first: 380 ms.
    await expect(slots.take(1, NEVER, { line: 'a', withinMs: 300 })).rejects.toBeInstanceOf(TooManyWaiting);
    const patient = slots.take(1, NEVER, { line: 'a', withinMs: 500 });
    const unhurried = slots.take(1, NEVER, { line: 'a' });
    expect(slots.isTooLong({ line: 'a', withinMs: 300 })).toBe(true);
    expect(slots.isTooLong({ line: 'a', withinMs: 600 })).toBe(false);
    // Another line is short, and has its turn with this one.
    const other = slots.take(1, NEVER, { line: 'b', withinMs: 1 });
    for (const back of [...backs.slice(12, 14), other, ...backs.slice(14), first, patient, unhurried]) (await back)();
    expect(slots.waiting()).toBe(0);
    // What was known is forgotten once nobody waits.
    const late = Array.from({ length: 12 }, () => slots.take(1, NEVER, { line: 'a', withinMs: 1 }));
    for (const back of late) (await back)();
  } finally {
    vi.useRealTimers();
  }
});

test('many short lines make everybody wait as one long one does', async () => {
  vi.useFakeTimers({ toFake: ['performance'] });
  try {
    const slots = createSlots(1);
    const backs = Array.from({ length: 40 }, (_, n) => slots.take(1, NEVER, { line: String(n) }));
    for (const back of backs.slice(0, 12)) {
      vi.advanceTimersByTime(20);
      (await back)();
    }
    // 27 are before whoever comes, one every 20 ms: 540 ms.
    expect(slots.isTooLong({ line: 'new', withinMs: 500 })).toBe(true);
    expect(slots.isTooLong({ line: 'new', withinMs: 600 })).toBe(false);
    expect(slots.isTooLong({ line: 'new' })).toBe(false);
    expect([slots.isUnderWay('39'), slots.isUnderWay('0')]).toEqual([true, false]);
    for (const back of backs.slice(12)) (await back)();
  } finally {
    vi.useRealTimers();
  }
});

test('a line that holds its share is expected to get on at its part of the rate', async () => {
  vi.useFakeTimers({ toFake: ['performance'] });
  try {
    const slots = createSlots(4, { held: 1 });
    const others = ['b', 'c', 'd'].map((line) => slots.take(1, NEVER, { line }));
    const backs = Array.from({ length: 31 }, () => slots.take(1, NEVER, { line: 'a' }));
    for (const back of backs.slice(0, 12)) {
      vi.advanceTimersByTime(20);
      (await back)();
    }
    // 18 wait, one of them goes every 20 ms, and of the four places the line holds one.
    expect(slots.isTooLong({ line: 'a', withinMs: 1_400 })).toBe(true);
    expect(slots.isTooLong({ line: 'a', withinMs: 1_600 })).toBe(false);
    for (const back of [...others, ...backs.slice(12)]) (await back)();
  } finally {
    vi.useRealTimers();
  }
});
