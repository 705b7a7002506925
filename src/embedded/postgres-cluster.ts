/**
 * A Postgres cluster on disk: made once, and cleared of what a killed parent left running.
 *
 * INVARIANT: `clusterDir` exists only as a complete cluster: initdb works beside it and the result is renamed
 * (tests/integration/embedded/stack.test.ts).
 */
import { chmodSync, chownSync, existsSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

import type { PostgresBinaries } from './postgres-binaries.js';
import { readIfPresent, writePrivately } from './private-file.js';
import { lookAtProcess, runProgram, stopProcess } from './process.js';
import type { Account, ProcessSight, StopStep } from './process.js';
import { StartFailure } from './start-failure.js';

export interface Cluster {
  readonly clusterDir: string;
  readonly binaries: PostgresBinaries;
  readonly account: Account | undefined;
  readonly superuser: string;
  readonly password: string;
}

/** Fast shutdown, then immediate, then by force. */
export const STOP_POSTGRES: readonly StopStep[] = [
  { signal: 'SIGINT', graceMs: 20_000 },
  { signal: 'SIGQUIT', graceMs: 5_000 },
  { signal: 'SIGKILL', graceMs: 5_000 },
];

/** Makes the cluster unless it is there: UTF-8, C locale, SCRAM passwords. `sync: false` leaves the disk its time. */
export async function createClusterOnce(cluster: Cluster, { sync }: { sync: boolean }): Promise<void> {
  const { clusterDir, binaries, account, superuser, password } = cluster;
  if (existsSync(clusterDir)) {
    requireSameMajor(cluster);
    return;
  }
  removeUnfinished(clusterDir);
  // A folder of the account's own, since initdb creates and removes what it works in; with a name of its own, since an
  // initdb whose parent was killed may still be at work in the last one.
  const workDir = mkdtempSync(`${clusterDir}.new-`);
  const passwordFile = join(workDir, 'password');
  writeFileSync(passwordFile, `${password}\n`, { mode: 0o600 });
  if (account !== undefined) [workDir, passwordFile].forEach((path) => chownSync(path, account.uid, account.gid));
  const args = [
    ['-D', join(workDir, 'cluster'), '-U', superuser, `--pwfile=${passwordFile}`],
    ['--encoding=UTF8', '--no-locale', '--auth=scram-sha-256', '--no-instructions', ...(sync ? [] : ['--no-sync'])],
  ].flat();
  const made = await runProgram(binaries.command('initdb', args));
  if (!made.ok) {
    rmSync(workDir, { recursive: true, force: true });
    throw new Error(`initdb failed (${made.end}): ${made.output.trim()}`);
  }
  renameSync(join(workDir, 'cluster'), clusterDir);
  rmSync(workDir, { recursive: true, force: true });
}

function removeUnfinished(clusterDir: string): void {
  for (const name of readdirSync(dirname(clusterDir)).filter((entry) =>
    entry.startsWith(`${basename(clusterDir)}.new-`),
  )) {
    rmSync(join(dirname(clusterDir), name), { recursive: true, force: true, maxRetries: 5 });
  }
}

function requireSameMajor({ clusterDir, binaries }: Cluster): void {
  const made = readIfPresent(join(clusterDir, 'PG_VERSION'))?.trim() ?? 'an unknown version';
  if (made === binaries.major) return;
  throw new StartFailure(
    `\`${clusterDir}\` is of Postgres ${made}, and the programs here are of ${binaries.major}: start anew with \`--reset\``,
  );
}

/** What `postmaster.pid` says. */
export interface PostmasterFile {
  readonly pid: number;
  readonly dataDir: string;
  readonly ready: boolean;
}

/** Reads postmaster.pid; undefined when there is none or it is only half written. */
export function readPostmasterFile(clusterDir: string): PostmasterFile | undefined {
  const lines = readIfPresent(join(clusterDir, 'postmaster.pid'))?.split('\n') ?? [];
  const pid = Number(lines[0]);
  const dataDir = lines[1];
  if (!Number.isSafeInteger(pid) || pid <= 0 || dataDir === undefined) return undefined;
  return { pid, dataDir, ready: lines[7]?.trim() === 'ready' };
}

/**
 * Stops a postmaster that outlived its parent. The postmaster.pid of a dead one stays for Postgres to judge, which also
 * looks at the shared memory that it names; but where another process has that pid by now, or an ended one is not
 * reaped, Postgres would refuse to start. Its own parent's pid it passes over, so ours is put there.
 */
export async function stopLeftoverPostmaster(clusterDir: string): Promise<void> {
  const file = readPostmasterFile(clusterDir);
  if (file === undefined) return;
  const sight = lookAtProcess(file.pid);
  if (sight !== undefined && isPostmaster(sight, file.dataDir)) {
    await stopProcess({ pid: file.pid, began: sight.began }, STOP_POSTGRES);
  }
  const path = join(clusterDir, 'postmaster.pid');
  const text = readIfPresent(path);
  if (text === undefined) return;
  writePrivately(path, text.replace(/^\d+/, String(process.pid)));
}

/** The directory is compared as its starter wrote it: the project may have been moved since. */
function isPostmaster({ commandLine }: ProcessSight, dataDir: string): boolean {
  return commandLine.includes('postgres') && commandLine.includes(`-D ${dataDir}`);
}

/** Who may connect from where: from this machine with a password, and the engine's role to its own database alone. */
export function writeAccessRules(path: string, engineRole: string): void {
  const rules = [
    ['host', engineRole, engineRole, '127.0.0.1/32', 'scram-sha-256'],
    ['host', 'all', engineRole, '127.0.0.1/32', 'reject'],
    ['host', 'all', 'all', '127.0.0.1/32', 'scram-sha-256'],
  ];
  writeFileSync(path, rules.map((rule) => `${rule.join(' ')}\n`).join(''));
  // The account of Postgres reads it, whatever our umask.
  chmodSync(path, 0o644);
}
