/**
 * Parts: what the service is made of, each with a beginning and an end that others call.
 *
 * INVARIANT: what was started is stopped, in reverse order, whatever fails on the way.
 */

/** Something with a life: started in order, stopped in reverse. */
export interface Part {
  readonly name: string;
  start(): Promise<void>;
  /** Ends the part; safe to call when it never started. */
  stop(): Promise<void>;
}

/**
 * Parts as one: `start` runs in order and, where one fails, stops those already started; `stop` runs in reverse and
 * goes on past a failure, throwing the first at the end.
 */
export function inOrder(parts: readonly Part[]): Part {
  const running: Part[] = [];
  let stopping = false;
  const isStopping = (): boolean => stopping;
  async function stop(): Promise<void> {
    stopping = true;
    const failures: unknown[] = [];
    for (let part = running.pop(); part !== undefined; part = running.pop()) {
      await part.stop().catch((error: unknown) => failures.push(error));
    }
    if (failures.length > 0) throw failures[0];
  }
  return {
    name: 'service',
    async start() {
      for (const part of parts) {
        // Stopped while it was starting: what has not begun never does.
        if (isStopping()) return;
        running.push(part);
        try {
          await part.start();
        } catch (error) {
          await stop().catch(() => undefined);
          throw error;
        }
      }
    },
    stop,
  };
}

/** What opens by itself at its first use, such as a pool, as a part that ends it. */
export function closing(name: string, opened: { end(): Promise<void> }): Part {
  return { name, start: () => Promise.resolve(), stop: () => opened.end() };
}

/** What is done once, at the start, as a part that has nothing to end. */
export function starting(name: string, start: () => Promise<void>): Part {
  return { name, start, stop: () => Promise.resolve() };
}

/**
 * What is done again every `everyMs`, never twice at once in this process, as a part whose stop waits for what is under
 * way. `onFailure` hears of what failed; the next turn tries again.
 */
export function repeating(
  name: string,
  work: () => Promise<void>,
  { everyMs, onFailure }: { readonly everyMs: number; readonly onFailure: (error: unknown) => void },
): Part {
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> | undefined;
  return {
    name,
    start() {
      timer = setInterval(() => {
        running ??= work()
          .catch(onFailure)
          .finally(() => (running = undefined));
      }, everyMs);
      return Promise.resolve();
    },
    async stop() {
      clearInterval(timer);
      await running;
    },
  };
}
