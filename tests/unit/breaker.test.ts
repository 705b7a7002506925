import { beforeEach, expect, test } from 'vitest';

import { createBreaker, createRetryBudget, type Breaker } from '../../src/platform/breaker.js';

let ticks: number;
let breaker: Breaker;
beforeEach(() => {
  ticks = 10_000;
  breaker = createBreaker(() => ticks);
});

const record = (count: number, isFailure: boolean): void => {
  for (let call = 0; call < count; call += 1) breaker.record(isFailure);
};

test('it opens at half of twenty', () => {
  record(10, false);
  record(9, true);
  expect(breaker.mayPass()).toBe(true);
  breaker.record(true);
  expect(breaker.mayPass()).toBe(false);
});

test('few failures, or few among many, leave it closed', () => {
  record(19, true);
  expect(breaker.mayPass()).toBe(true);
  ticks += 6_000;
  record(30, false);
  record(29, true);
  expect(breaker.mayPass()).toBe(true);
});

test('what is older than five seconds does not count', () => {
  record(19, true);
  ticks += 5_000;
  record(1, true);
  expect(breaker.mayPass()).toBe(true);
});

test('open, it lets one through a second, and a success closes it', () => {
  record(20, true);
  expect(breaker.mayPass()).toBe(false);
  ticks += 1_000;
  expect([breaker.mayPass(), breaker.mayPass()]).toEqual([true, false]);
  breaker.record(true);
  ticks += 1_000;
  expect(breaker.mayPass()).toBe(true);
  breaker.record(false);
  record(19, true);
  expect(breaker.mayPass()).toBe(true);
});

test('one call in ten may be tried again', () => {
  const budget = createRetryBudget();
  let spent = 0;
  for (let call = 0; call < 1_000; call += 1) {
    budget.earn();
    if (budget.spend()) spent += 1;
  }
  expect(spent).toBeGreaterThan(95);
  expect(spent).toBeLessThanOrEqual(101);
});
