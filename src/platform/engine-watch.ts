/**
 * Whether the engine serves, looked at all the time: what is kept of its answers is given only while it does, so that an
 * engine that is gone means 503 and never an allow, also for a question that was answered a moment ago.
 */
import type { Part } from '../shared/part.js';

export interface EngineWatch extends Part {
  /** Whether the last look found it serving; false before the first. */
  readonly isUp: () => boolean;
  /** Rejects where it does not. */
  requireUp(): Promise<void>;
}

const EVERY_MS = 100;
/** An engine that takes longer to say that it serves does not. */
const TIMEOUT_MS = 250;

/** `look` resolves to whether the engine serves; false too where nothing answers in time. */
export function createEngineWatch(look: (timeoutMs: number) => Promise<boolean>): EngineWatch {
  let up = false;
  let timer: NodeJS.Timeout | undefined;
  let stopped = true;

  async function watch(): Promise<void> {
    up = await look(TIMEOUT_MS);
    if (stopped) return;
    timer = setTimeout(() => void watch(), EVERY_MS).unref();
  }

  return {
    name: 'engine watch',
    isUp: () => up,
    requireUp: () => (up ? Promise.resolve() : Promise.reject(new Error('the engine does not say that it serves'))),
    async start() {
      stopped = false;
      await watch();
    },
    stop() {
      stopped = true;
      up = false;
      clearTimeout(timer);
      return Promise.resolve();
    },
  };
}
