/**
 * Where checkpoints go, outside the database: a file that is only ever appended to, and the process's log.
 *
 * The file is worth what keeps it: put it, or what ships it, where nobody who can write to Postgres can write.
 */
import { open } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import type { Logger } from 'pino';

import { readCheckpoints } from './checkpoint.js';
import type { Checkpoint } from './checkpoint.js';

export interface CheckpointSink {
  readonly name: string;
  /** Resolves when it is kept. */
  append(checkpoint: Checkpoint): Promise<void>;
  /** The last one of a log that it kept, if it can tell. */
  last(origin: string): Promise<Checkpoint | undefined>;
}

/** The first look at the end of the file, in bytes; each further one is twice as long. */
const WINDOW_BYTES = 1 << 20;

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
    async last(origin) {
      const file = await openIfPresent(path);
      if (file === undefined) return undefined;
      try {
        const { size } = await file.stat();
        for (let window = WINDOW_BYTES; ; window *= 2) {
          const from = Math.max(0, size - window);
          const found = readCheckpoints(await textFrom(file, from, size)).filter((each) => each.origin === origin);
          if (found.length > 0 || from === 0) return found.at(-1);
        }
      } finally {
        await file.close();
      }
    },
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
    last: () => Promise.resolve(undefined),
  };
}

async function openIfPresent(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, 'r');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

async function textFrom(file: FileHandle, from: number, to: number): Promise<string> {
  const bytes = Buffer.alloc(to - from);
  const { bytesRead } = await file.read(bytes, 0, bytes.length, from);
  return bytes.subarray(0, bytesRead).toString();
}
