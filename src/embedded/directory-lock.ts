/**
 * A lock that is a directory with its holder's name in it, so that one left behind by a killed process can be told
 * from one that is held.
 *
 * It appears whole, by `rename` of a filled directory, which fails while another filled one is there. A stale one is
 * moved away before it is removed, and what was moved is looked at again: two who find the same stale lock cannot both
 * end up as its holder.
 */
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

import { z } from 'zod';

import { isRunning, lookAtProcess } from './process.js';
import { errorCode } from './start-failure.js';

const holderSchema = z.object({ pid: z.number().int(), began: z.string() });
type Holder = z.infer<typeof holderSchema>;

export interface DirectoryLock {
  release(): void;
}

/**
 * Takes the lock at `path`. While a living process holds it, `whenHeld` is called with that pid again and again: it
 * waits a while and returns, or throws to give up.
 */
export async function takeLock(path: string, whenHeld: (holderPid: number) => Promise<void>): Promise<DirectoryLock> {
  mkdirSync(dirname(path), { recursive: true });
  while (!tryToTake(path)) {
    const holder = readHolder(path);
    if (isAlive(holder)) await whenHeld(holder.pid);
    else removeStale(path, holder);
  }
  return { release: () => rmSync(path, { recursive: true, force: true }) };
}

function tryToTake(path: string): boolean {
  const filled = mkdtempSync(`${path}.`);
  const holder: Holder = { pid: process.pid, began: lookAtProcess(process.pid)?.began ?? '' };
  writeFileSync(join(filled, 'holder.json'), JSON.stringify(holder));
  try {
    renameSync(filled, path);
    return true;
  } catch (error) {
    rmSync(filled, { recursive: true, force: true });
    if (['ENOTEMPTY', 'EEXIST'].includes(errorCode(error) ?? '')) return false;
    throw error;
  }
}

function readHolder(path: string): Holder | undefined {
  try {
    return holderSchema.parse(JSON.parse(readFileSync(join(path, 'holder.json'), 'utf8')));
  } catch {
    return undefined;
  }
}

function isAlive(holder: Holder | undefined): holder is Holder {
  return holder !== undefined && isRunning(holder);
}

function removeStale(path: string, judged: Holder | undefined): void {
  const away = `${path}.stale-${String(process.pid)}`;
  try {
    renameSync(path, away);
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return;
    throw error;
  }
  const moved = readHolder(away);
  if (isAlive(moved) && moved.pid !== judged?.pid) renameSync(away, path);
  else rmSync(away, { recursive: true, force: true });
}
