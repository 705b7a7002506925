/**
 * What is written down about a running engine, so that the next start finds the one that a killed parent left.
 *
 * A pid alone proves nothing, pids are used again: the moment at which the process began is kept beside it.
 */
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';

import { z } from 'zod';

import type { Environment } from './paths.js';
import { readIfPresent, writePrivately } from './private-file.js';
import { runProgram, stopProcess } from './process.js';
import type { ProcessRef, StopStep } from './process.js';

export const STOP_ENGINE: readonly StopStep[] = [
  { signal: 'SIGTERM', graceMs: 10_000 },
  { signal: 'SIGKILL', graceMs: 5_000 },
];

const recordSchema = z.object({ pid: z.number().int(), began: z.string(), container: z.string().optional() });

export interface EngineRecord extends ProcessRef {
  /** Its name where it runs in Docker. */
  readonly container: string | undefined;
}

const recordPath = (dataDir: string): string => join(dataDir, 'engine.json');

/** Written down the moment it is started; an ended one that it replaces is cleared away. */
export function recordEngine(dataDir: string, { pid, began, container }: EngineRecord): void {
  forgetEngine(dataDir);
  writePrivately(recordPath(dataDir), JSON.stringify({ pid, began, container }));
}

/** Clears away what an ended engine leaves: its record and, where it was killed, its socket. */
export function forgetEngine(dataDir: string): void {
  const record = readRecord(dataDir);
  if (record === undefined) return;
  removeSocketsOf(record.pid);
  rmSync(recordPath(dataDir), { force: true });
}

/** Stops an engine that outlived its parent: the process that was recorded, if it is still that one. */
export async function stopLeftoverEngine(dataDir: string, env: Environment): Promise<void> {
  const record = readRecord(dataDir);
  if (record === undefined) return;
  if (record.container !== undefined) {
    await runProgram({ file: 'docker', args: ['rm', '--force', record.container], env });
  }
  await stopProcess(record, STOP_ENGINE);
  forgetEngine(dataDir);
}

function readRecord(dataDir: string): z.infer<typeof recordSchema> | undefined {
  const text = readIfPresent(recordPath(dataDir));
  return text === undefined ? undefined : recordSchema.parse(JSON.parse(text));
}

/** OpenFGA talks to itself through a socket in a folder named by its pid; it removes it, but not when it is killed. */
function removeSocketsOf(pid: number): void {
  const folders = process.platform === 'win32' ? [] : readdirSync('/tmp').filter((name) => isSocketFolder(name, pid));
  for (const name of folders) {
    try {
      rmSync(join('/tmp', name), { recursive: true, force: true });
    } catch {
      // Another user's engine had the same pid once: theirs to remove.
    }
  }
}

function isSocketFolder(name: string, pid: number): boolean {
  return name.startsWith(`openfga-${pid}-`) && /^\d+$/.test(name.slice(`openfga-${pid}-`.length));
}
