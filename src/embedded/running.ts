/**
 * What is written down about a running `npm start`, so that `npm run env`, a second start and `--reset` find it.
 *
 * It holds passwords and is readable by its owner alone. INVARIANT: a record counts only as long as its process lives;
 * what a killed one left says nothing (tests/integration/start).
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';

import { z } from 'zod';

import { readIfPresent, writePrivately } from './private-file.js';
import { isRunning, lookAtProcess } from './process.js';
import { StartFailure, errorCode } from './start-failure.js';

const runningSchema = z.object({
  pid: z.number().int(),
  began: z.string(),
  /** Addresses without a path, e.g. `http://127.0.0.1:7080`. */
  service: z.string(),
  management: z.string(),
  /** A connection URL with what an operator's psql may do. */
  operatorUrl: z.string(),
  engine: z.object({ url: z.string(), storeId: z.string(), modelId: z.string() }),
  serviceKey: z.string(),
  /** What `bailiwick audit verify` needs besides the database. */
  audit: z.object({ checkpointFile: z.string(), publicKey: z.string() }),
  /** Who is who in the demo world; left out where it is not in the database. */
  demo: z
    .object({
      tenantId: z.string(),
      tenantSlug: z.string(),
      tenantAdminId: z.string(),
      tenantAdminEmail: z.string(),
      tenantAdminPassword: z.string(),
      platformAdminId: z.string(),
      platformAdminEmail: z.string(),
      platformAdminPassword: z.string(),
    })
    .optional(),
});

export type Running = z.infer<typeof runningSchema>;
export type RunningFacts = Omit<Running, 'pid' | 'began'>;

const fileOf = (dataDir: string): string => join(dataDir, 'running.json');

/** The service that runs on the data directory; undefined where none does. */
export function findRunning(dataDir: string): Running | undefined {
  const running = readRecord(dataDir);
  return running !== undefined && isRunning(running) ? running : undefined;
}

/** Writes down that this process runs. */
export function recordRunning(dataDir: string, facts: RunningFacts): void {
  const running: Running = { ...facts, pid: process.pid, began: lookAtProcess(process.pid)?.began ?? '' };
  writePrivately(fileOf(dataDir), `${JSON.stringify(running, null, 2)}\n`);
}

export function forgetRunning(dataDir: string): void {
  rmSync(fileOf(dataDir), { force: true });
}

function readRecord(dataDir: string): Running | undefined {
  try {
    const text = readIfPresent(fileOf(dataDir));
    return text === undefined ? undefined : runningSchema.parse(JSON.parse(text));
  } catch (error) {
    if (errorCode(error) === 'EACCES') {
      throw new StartFailure(`\`${fileOf(dataDir)}\` belongs to another user: ask as the one who started it`);
    }
    // Written by another version: nothing that we know runs.
    return undefined;
  }
}
