/** Tells the person who waits what takes long. Work that ends within a second stays silent. */
export interface Progress {
  /** Runs `work`; once it takes over a second, says so, says so again every few seconds, and how long it took. */
  step<T>(title: string, work: () => Promise<T>): Promise<T>;
  /** One line now. */
  say(line: string): void;
}

export const silentProgress: Progress = { step: (_title, work) => work(), say: () => undefined };

export interface ProgressTiming {
  /** Milliseconds after which a step is worth a line. */
  readonly slowAfterMs: number;
  /** Milliseconds between further lines. */
  readonly everyMs: number;
}

/** Plain lines, on a terminal as in a log file: nothing moves, nothing is overwritten. */
export function createProgress(
  write: (line: string) => void,
  { slowAfterMs, everyMs }: ProgressTiming = { slowAfterMs: 1_000, everyMs: 5_000 },
): Progress {
  return {
    say: write,
    async step(title, work) {
      const startedAt = performance.now();
      const seconds = (): string => ((performance.now() - startedAt) / 1_000).toFixed(1);
      let timer = setTimeout(function tell() {
        write(`${title} … ${seconds()} s`);
        timer = setTimeout(tell, everyMs);
      }, slowAfterMs);
      try {
        return await work();
      } finally {
        clearTimeout(timer);
        if (performance.now() - startedAt >= slowAfterMs) write(`${title}: took ${seconds()} s`);
      }
    },
  };
}
