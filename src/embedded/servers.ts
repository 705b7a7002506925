/**
 * The servers under the service: started here, or somebody else's where `DATABASE_URL` or `BAILIWICK_OPENFGA_URL` names
 * one. With an outside Postgres the stack's own still runs under an engine of ours: the engine's tables are nobody
 * else's. With both outside nothing is started, and the data directory holds secrets and a log alone.
 */
import { join } from 'node:path';
import type { Logger } from 'pino';

import { readEngineAddress, readMigrationUrl } from '../config.js';
import { prepareGivenDatabase, prepareOwnDatabase } from './database.js';
import type { DatabaseUrls } from './database.js';
import { takeLock } from './directory-lock.js';
import { engineAt } from './stack-engine.js';
import { stopLeftoverEngine } from './engine-record.js';
import { clusterDirOf, createDataDir, locateData, logPathOf } from './paths.js';
import type { Environment } from './paths.js';
import { stopLeftoverPostmaster } from './postgres-cluster.js';
import type { Progress } from './progress.js';
import type { Secrets } from './secrets.js';
import { startStack } from './stack.js';
import { StartFailure } from './start-failure.js';

export interface Servers {
  readonly dataDir: string;
  readonly engineUrl: string;
  /** Brings the service's database up to date and says how to reach it. */
  prepareDatabase(secrets: Secrets, log: Logger): Promise<DatabaseUrls>;
  stop(): Promise<void>;
}

export interface ServersOptions {
  readonly env: Environment;
  readonly progress: Progress;
  /** Aborted to end everything; by a StartFailure where a server of ours ended by itself. */
  readonly ending: AbortController;
  /** Aborted when there is no more time: servers of ours are killed. */
  readonly force: AbortSignal;
}

/** Starts what is ours, or throws with nothing left running. */
export async function startServers(options: ServersOptions): Promise<Servers> {
  const { env } = options;
  const databaseUrl = env['DATABASE_URL'] ?? '';
  const engineUrl = env['BAILIWICK_OPENFGA_URL'] ?? '';
  // Before anything is sent there: what it says of TLS may be wrong.
  if (databaseUrl !== '') readMigrationUrl({ ...env, BAILIWICK_MIGRATION_DATABASE_URL: undefined });
  const own = databaseUrl === '' || engineUrl === '' ? await startOwn(options) : await useOutside(env);
  if (databaseUrl === '') return own;
  return { ...own, prepareDatabase: (_secrets, log) => prepareGivenDatabase(databaseUrl, log) };
}

async function startOwn({ env, progress, ending, force }: ServersOptions): Promise<Servers> {
  const { dataDir } = locateData(env);
  const killLeftovers = (): void => {
    void stopLeftoverEngine(dataDir, env).catch(() => undefined);
    void stopLeftoverPostmaster(clusterDirOf(dataDir)).catch(() => undefined);
  };
  force.addEventListener('abort', killLeftovers);
  const stack = await startStack({
    env,
    progress,
    signal: ending.signal,
    onUnexpectedEnd: (server, how) => {
      const name = server === 'engine' ? 'OpenFGA' : 'Postgres';
      ending.abort(new StartFailure(`${name} ended by itself (${how}): its log is \`${logPathOf(dataDir, server)}\``));
    },
  });
  force.removeEventListener('abort', killLeftovers);
  force.addEventListener('abort', () => {
    // An immediate shutdown: Postgres ends its processes and recovers at the next start.
    void stack.killPostgres('SIGQUIT').catch(() => undefined);
    if (stack.engine.pid !== undefined) void stack.killEngine('SIGKILL').catch(() => undefined);
  });
  return {
    dataDir,
    engineUrl: stack.engine.url,
    prepareDatabase: (secrets, log) => prepareOwnDatabase(stack.postgres, secrets, log),
    stop: () => stack.stop(),
  };
}

async function useOutside(env: Environment): Promise<Servers> {
  const place = locateData(env);
  const { dataDir } = place;
  createDataDir(place);
  const lock = await takeLock(join(dataDir, 'lock'), (holderPid) => {
    throw new StartFailure(`process ${holderPid} runs on \`${dataDir}\` already: stop it first`);
  });
  try {
    await stopLeftoverEngine(dataDir, env);
    await stopLeftoverPostmaster(clusterDirOf(dataDir));
    const engine = engineAt(readEngineAddress(env));
    await engine.start();
    return {
      dataDir,
      engineUrl: engine.view.url,
      prepareDatabase: () => Promise.reject(new Error('there is no Postgres of ours')),
      stop() {
        lock.release();
        return Promise.resolve();
      },
    };
  } catch (error) {
    lock.release();
    throw error;
  }
}
