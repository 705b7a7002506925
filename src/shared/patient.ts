import type { Part } from './part.js';

/**
 * A part whose start waits for what it depends on: it tries again every `everyMs` until it succeeds or is stopped.
 * `onFailure` hears of each try that failed.
 */
export function patient(part: Part, everyMs: number, onFailure: (error: unknown) => void): Part {
  let stopped = false;
  const isStopped = (): boolean => stopped;
  return {
    name: part.name,
    async start() {
      while (!isStopped()) {
        try {
          await part.start();
          return;
        } catch (error) {
          onFailure(error);
          await new Promise((resolve) => setTimeout(resolve, everyMs));
        }
      }
    },
    async stop() {
      stopped = true;
      await part.stop();
    },
  };
}
