/**
 * Where things are kept: data beside the project, programs in the user's cache.
 *
 * Data (the cluster, its passwords, the logs) is `<project>/.bailiwick`, or `BAILIWICK_DATA_DIR`. Postgres does not run
 * as root, so under root another account must be able to enter that directory; where it cannot (a clone in /root), the
 * data goes to `/var/lib/bailiwick/<project>-<hash of its path>`, the same one at every start.
 * Cache (programs that can be had again) is `BAILIWICK_CACHE_DIR`, else the place that the system has for it.
 */
import { createHash } from 'node:crypto';
import { accessSync, chmodSync, constants, existsSync, mkdirSync, realpathSync } from 'node:fs';
import { homedir } from 'node:os';
import { basename, dirname, isAbsolute, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

import { canEnter, chooseAccount } from './account.js';
import type { Account } from './process.js';
import { StartFailure, errorCode } from './start-failure.js';

export type Environment = Readonly<Record<string, string | undefined>>;

/** Programs and data that an unprivileged account must reach when root's own places are closed to it. */
export const SHARED_ROOT_DIR = '/var/lib/bailiwick';

/** The folder of package.json; the same from src/ and from dist/. */
export function projectRoot(): string {
  return fileURLToPath(new URL('../..', import.meta.url)).replace(/[/\\]$/, '');
}

export interface DataPlace {
  readonly dataDir: string;
  /** Who runs Postgres; undefined is whoever we are. */
  readonly account: Account | undefined;
}

/**
 * Chooses the data directory. `wanted` (else `BAILIWICK_DATA_DIR`) is taken as it is or refused with a StartFailure.
 * Creates nothing.
 */
export function locateData(env: Environment, wanted: string | undefined = env['BAILIWICK_DATA_DIR']): DataPlace {
  const dataDir = resolve(wanted === undefined || wanted === '' ? join(projectRoot(), '.bailiwick') : wanted);
  const account = chooseAccount(clusterDirOf(dataDir));
  if (account === undefined || canEnter(nearestExisting(dirname(dataDir)), account)) return { dataDir, account };
  if (wanted !== undefined && wanted !== '') {
    throw new StartFailure(
      `Postgres does not run as root, and the account \`${account.name}\` cannot enter \`${dirname(dataDir)}\`: ` +
        'choose another data directory or start as an ordinary user',
    );
  }
  const root = realpathSync(projectRoot());
  const hash = createHash('sha256').update(root).digest('hex').slice(0, 12);
  const shared = join(SHARED_ROOT_DIR, `${basename(root)}-${hash}`);
  return { dataDir: shared, account: chooseAccount(clusterDirOf(shared)) };
}

/** The directory of the Postgres cluster inside a data directory. */
export function clusterDirOf(dataDir: string): string {
  return join(dataDir, 'postgres');
}

/** The log of a server inside a data directory. */
export function logPathOf(dataDir: string, server: 'postgres' | 'engine'): string {
  return join(dataDir, `${server}.log`);
}

/** Where mails land that no mailer is set for. */
export function mailboxDirOf(dataDir: string): string {
  return join(dataDir, 'mailbox');
}

/** Makes the data directory: ours alone; under root the account may pass through it to the cluster. */
export function createDataDir({ dataDir, account }: DataPlace): void {
  try {
    createDirFor(dataDir);
    mkdirSync(dataDir, { recursive: true });
    chmodSync(dataDir, account === undefined ? 0o700 : 0o711);
    accessSync(dataDir, constants.W_OK);
  } catch (error) {
    if (!['EACCES', 'EPERM', 'EROFS'].includes(errorCode(error) ?? '')) throw error;
    throw new StartFailure(
      `the data directory \`${dataDir}\` cannot be written (${errorCode(error) ?? ''}): ` +
        'start as the user who made it, or name another one by `BAILIWICK_DATA_DIR`',
    );
  }
}

/** Makes the parent of `path`; the place that all accounts share is open to them whatever our umask. */
export function createDirFor(path: string): void {
  mkdirSync(dirname(path), { recursive: true });
  if (dirname(path) === SHARED_ROOT_DIR) chmodSync(SHARED_ROOT_DIR, 0o755);
}

/** The per-user cache for programs. Creates nothing. */
export function cacheDir(env: Environment): string {
  const chosen = env['BAILIWICK_CACHE_DIR'];
  if (chosen !== undefined && chosen !== '') return resolve(chosen);
  const xdg = env['XDG_CACHE_HOME'];
  // The XDG specification asks to ignore a relative path.
  if (xdg !== undefined && isAbsolute(xdg)) return join(xdg, 'bailiwick');
  if (process.platform === 'darwin') return join(homedir(), 'Library', 'Caches', 'bailiwick');
  if (process.platform === 'win32') {
    return join(env['LOCALAPPDATA'] ?? join(homedir(), 'AppData', 'Local'), 'bailiwick', 'Cache');
  }
  return join(homedir(), '.cache', 'bailiwick');
}

/** The path itself, or the closest folder above it that exists. */
export function nearestExisting(path: string): string {
  return existsSync(path) || dirname(path) === path ? path : nearestExisting(dirname(path));
}
