/**
 * The two outside programs as one: `npm start` and the tests start a stack, use it and stop it.
 *
 * A data directory has one stack at a time, held by a lock. Whoever takes the lock first stops what an earlier holder,
 * killed, left running. Started: Postgres, then the engine on it; stopped: the reverse.
 * INVARIANT: when `startStack` throws, nothing that it started is left running (tests/integration/embedded).
 */
import { join } from 'node:path';

import { readEngineAddress } from '../config.js';
import { inOrder } from '../shared/part.js';
import type { Part } from '../shared/part.js';
import { takeLock } from './directory-lock.js';
import type { DirectoryLock } from './directory-lock.js';
import { stopLeftoverEngine } from './engine-record.js';
import { findEngine } from './find-engine.js';
import { boundLog } from './log-file.js';
import { clusterDirOf, createDataDir, locateData, logPathOf } from './paths.js';
import { stopLeftoverPostmaster } from './postgres-cluster.js';
import { silentProgress } from './progress.js';
import { engineAt, ownEngine } from './stack-engine.js';
import { stackPostgres } from './stack-postgres.js';
import type { StackContext, StackEngine, StackOptions, StackPostgres } from './stack-server.js';
import { StartFailure } from './start-failure.js';

const LOG_CHECK_MS = 60_000;

export interface Stack {
  readonly dataDir: string;
  readonly postgres: StackPostgres;
  readonly engine: StackEngine;
  /** Stops the engine, then Postgres; safe to call again. */
  stop(): Promise<void>;
  /** Stops it where it runs, and starts it on the same port with the same data. */
  restartPostgres(): Promise<void>;
  restartEngine(): Promise<void>;
  /** Sends a signal and, for SIGKILL, waits for the end; for tests of failure. */
  killPostgres(signal: NodeJS.Signals): Promise<void>;
  killEngine(signal: NodeJS.Signals): Promise<void>;
}

/** Starts Postgres and the engine, or throws: a StartFailure for what the user can change. */
export async function startStack(options: StackOptions = {}): Promise<Stack> {
  const env = options.env ?? process.env;
  const place = locateData(env, options.dataDir);
  const context: StackContext = {
    ...options,
    env,
    place,
    progress: options.progress ?? silentProgress,
    durable: options.durable ?? true,
  };
  const postgres = stackPostgres(context);
  const engineUrl = env['BAILIWICK_OPENFGA_URL'] ?? '';
  // Looked for before anything is made or started: a machine that has none learns it at once.
  const engine =
    engineUrl === ''
      ? ownEngine(context, await findEngine({ ...context, dataDir: place.dataDir }), postgres.view)
      : engineAt(readEngineAddress(env));
  const parts = inOrder([exclusiveUse(context), postgres, engine, boundedLogs(place.dataDir)]);
  await parts.start();
  return {
    dataDir: place.dataDir,
    postgres: postgres.view,
    engine: engine.view,
    stop: () => parts.stop(),
    restartPostgres: () => postgres.restart(),
    restartEngine: () => engine.restart(),
    killPostgres: (signal) => postgres.kill(signal),
    killEngine: (signal) => engine.kill(signal),
  };
}

/** Holds the data directory, and clears it of what its last holder left running. */
function exclusiveUse({ env, place, signal }: StackContext): Part {
  const { dataDir } = place;
  let lock: DirectoryLock | undefined;
  return {
    name: 'exclusive use',
    async start() {
      signal?.throwIfAborted();
      createDataDir(place);
      lock = await takeLock(join(dataDir, 'lock'), (holderPid) => {
        throw new StartFailure(`process ${holderPid} runs on \`${dataDir}\` already: stop it first`);
      });
      await stopLeftoverEngine(dataDir, env);
      await stopLeftoverPostmaster(clusterDirOf(dataDir));
    },
    stop() {
      lock?.release();
      return Promise.resolve();
    },
  };
}

/** Keeps the logs from growing without end while the stack runs. */
function boundedLogs(dataDir: string): Part {
  let timer: NodeJS.Timeout | undefined;
  return {
    name: 'bounded logs',
    start() {
      const paths = [logPathOf(dataDir, 'postgres'), logPathOf(dataDir, 'engine')];
      timer = setInterval(() => paths.forEach(boundLog), LOG_CHECK_MS).unref();
      return Promise.resolve();
    },
    stop() {
      clearInterval(timer);
      return Promise.resolve();
    },
  };
}
