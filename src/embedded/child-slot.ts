import type { Child } from './process.js';

/** The place of a server's one child, which tells an end that somebody asked for from one that nobody did. */
export interface ChildSlot<T extends { readonly child: Child }> {
  /** What was put last; throws before the first. */
  get(): T;
  peek(): T | undefined;
  put(started: T): void;
  /** From now on the end of the child is unexpected, until `expectEnd`. */
  watch(): void;
  expectEnd(): void;
}

export function createChildSlot<T extends { readonly child: Child }>(
  name: string,
  onUnexpectedEnd: (how: string) => void,
): ChildSlot<T> {
  let held: T | undefined;
  let isExpected = true;
  return {
    get() {
      if (held === undefined) throw new Error(`${name} was not started`);
      return held;
    },
    peek: () => held,
    put(started) {
      held = started;
      isExpected = true;
    },
    watch() {
      isExpected = false;
      const watched = held;
      void watched?.child.ended.then((how) => {
        if (!isExpected && held === watched) onUnexpectedEnd(how);
      });
    },
    expectEnd() {
      isExpected = true;
    },
  };
}
