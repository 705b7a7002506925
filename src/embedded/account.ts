/** Which account runs Postgres: it refuses to run as root, and we never change the accounts of the machine. */
import { execFileSync, spawnSync } from 'node:child_process';
import { statSync } from 'node:fs';

import type { Account } from './process.js';
import { StartFailure } from './start-failure.js';

export function isRoot(): boolean {
  return process.getuid?.() === 0;
}

/**
 * The account for a cluster in `clusterDir`: undefined (as we are) unless we are root; then the owner of the cluster
 * where there is one, else the first account of the machine that has no rights to speak of.
 */
export function chooseAccount(clusterDir: string): Account | undefined {
  if (!isRoot()) return undefined;
  const cluster = statSync(clusterDir, { throwIfNoEntry: false });
  if (cluster !== undefined && cluster.uid !== 0) {
    return { name: `uid ${String(cluster.uid)}`, uid: cluster.uid, gid: cluster.gid };
  }
  const account = findAccount('postgres') ?? findAccount('nobody') ?? findAccount('daemon');
  if (account !== undefined) return account;
  throw new StartFailure(
    'Postgres refuses to run as root, and this machine has none of the accounts `postgres`, `nobody`, `daemon`: ' +
      'start as an ordinary user',
  );
}

function findAccount(name: string): Account | undefined {
  const ask = (flag: string): number =>
    Number(execFileSync('id', [flag, name], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }));
  try {
    return { name, uid: ask('-u'), gid: ask('-g') };
  } catch {
    return undefined;
  }
}

/** Whether the account can enter a directory: tried, since access lists and mounts decide besides the mode bits. */
export function canEnter(directory: string, account: Account): boolean {
  const { uid, gid } = account;
  const tried = spawnSync('/bin/sh', ['-c', 'cd -- "$1"', 'sh', directory], { cwd: '/', uid, gid, stdio: 'ignore' });
  return tried.status === 0;
}
