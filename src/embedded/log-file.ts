import { closeSync, constants, copyFileSync, openSync, readSync, statSync, truncateSync } from 'node:fs';

import { ownAsDirectory } from './private-file.js';

const LIMIT_BYTES = 8 * 1024 * 1024;

/** Opens a child's log at its end, readable by its owner alone. The caller closes it. */
export function openLog(path: string): number {
  boundLog(path);
  const log = openSync(path, constants.O_WRONLY | constants.O_CREAT | constants.O_APPEND | constants.O_NOFOLLOW, 0o600);
  ownAsDirectory(path);
  return log;
}

/** Moves a log over 8 MB to `<path>.1` and empties it in place: its writer appends and goes on undisturbed. */
export function boundLog(path: string): void {
  if (logSize(path) <= LIMIT_BYTES) return;
  copyFileSync(path, `${path}.1`);
  ownAsDirectory(`${path}.1`);
  truncateSync(path);
}

/** The size in bytes; 0 when there is none. */
export function logSize(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

/** What was written since the log had `sinceBytes`; at most the last 4 KB of it. */
export function logTail(path: string, sinceBytes: number): string {
  const size = logSize(path);
  const start = Math.max(size - 4_096, Math.min(sinceBytes, size));
  if (size === start) return '';
  const buffer = Buffer.alloc(size - start);
  const log = openSync(path, 'r');
  try {
    return buffer
      .subarray(0, readSync(log, buffer, 0, buffer.length, start))
      .toString('utf8')
      .trim();
  } finally {
    closeSync(log);
  }
}
