/**
 * Where checkpoints go, outside the database: a file that is only ever appended to, and the process's log.
 *
 * The file is worth what keeps it: put it, or what ships it, where nobody who can write to Postgres can write.
 */
import { open } from 'node:fs/promises';
import type { Logger } from 'pino';

import { findLastCheckpoint } from './checkpoint-file.js';
import type { Checkpoint } from './checkpoint.js';
import type { LogName } from './open-log.js';

export interface CheckpointSink {
  readonly name: string;
  /** Resolves when it is kept. */
  append(checkpoint: Checkpoint): Promise<void>;
  /** The last one of a lane that it kept, under whatever name; absent where it cannot tell. */
  last?(name: LogName): Promise<Checkpoint | undefined>;
}

export function createFileSink(path: string): CheckpointSink {
  return {
    name: 'file',
    async append({ note }) {
      const file = await open(path, 'a', 0o644);
      try {
        // What a crash cut short must not run into this one.
        await file.appendFile(`\n${note}`);
        await file.datasync();
      } finally {
        await file.close();
      }
    },
    last: async (name) => await findLastCheckpoint(path, name),
  };
}

/** A log line for each checkpoint: whatever collects the log keeps them. */
export function createLogSink(log: Logger): CheckpointSink {
  return {
    name: 'log',
    append({ origin, size, note }) {
      log.info({ origin, size, checkpoint: note }, 'audit checkpoint');
      return Promise.resolve();
    },
  };
}
