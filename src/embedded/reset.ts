import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';

import { takeLock } from './directory-lock.js';
import { stopLeftoverEngine } from './engine-record.js';
import { clusterDirOf, createDataDir, locateData } from './paths.js';
import type { Environment } from './paths.js';
import { stopLeftoverPostmaster } from './postgres-cluster.js';
import { StartFailure } from './start-failure.js';

/** What we keep in a data directory. `BAILIWICK_DATA_DIR` may name one that holds other things besides: they stay. */
const OURS = [
  /^(settings|service|running|engine)\.json(\.\d+\.new)?$/,
  /^pg_hba\.conf$/,
  /^(postgres|engine|service)\.log(\.1)?$/,
  /^postgres\.new-/,
  /^mailbox$/,
];

/** Deletes the data of a start that is over; one that still runs is left alone, by a StartFailure. */
export async function resetData(env: Environment): Promise<void> {
  const place = locateData(env);
  const { dataDir } = place;
  if (!existsSync(dataDir)) return;
  createDataDir(place);
  const lock = await takeLock(join(dataDir, 'lock'), (holderPid) => {
    throw new StartFailure(`process ${holderPid} runs on \`${dataDir}\`: stop it before its data is deleted`);
  });
  try {
    await stopLeftoverEngine(dataDir, env);
    await stopLeftoverPostmaster(clusterDirOf(dataDir));
    const names = readdirSync(dataDir).filter((name) => OURS.some((pattern) => pattern.test(name)));
    const isCluster = existsSync(join(clusterDirOf(dataDir), 'PG_VERSION'));
    // The cluster first and the passwords last: cut short, what is left can still be started or reset.
    for (const path of [...(isCluster ? [clusterDirOf(dataDir)] : []), ...names.map((name) => join(dataDir, name))]) {
      rmSync(path, { recursive: true, force: true, maxRetries: 5 });
    }
  } finally {
    lock.release();
  }
}
