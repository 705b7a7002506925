import { chownSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

import { errorCode } from './start-failure.js';

/** Replaces a file in one step, readable by its owner alone: a reader sees the old text or the new, never half. */
export function writePrivately(path: string, text: string): void {
  const fresh = `${path}.${String(process.pid)}.new`;
  writeFileSync(fresh, text, { mode: 0o600 });
  ownAsDirectory(fresh);
  renameSync(fresh, path);
}

/** The text of a file, or undefined where there is none. */
export function readIfPresent(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** What root puts into someone's directory stays theirs, so that they can start here too. */
export function ownAsDirectory(path: string): void {
  if (process.getuid?.() !== 0) return;
  const { uid, gid } = statSync(dirname(path));
  chownSync(path, uid, gid);
}
