/**
 * The Postgres server of a laptop: on 127.0.0.1 alone, safe on disk, under an account that may be another than ours.
 *
 * Settings are given at each start and not kept in the cluster, so a new version of this file is in force at once.
 * A port that was free a moment ago can be taken now: the start then tries the next one.
 */
import { setTimeout as sleep } from 'node:timers/promises';

import { createChildSlot } from './child-slot.js';
import type { ChildSlot } from './child-slot.js';
import { logSize, logTail } from './log-file.js';
import { findFreePort } from './ports.js';
import { STOP_POSTGRES, readPostmasterFile, stopLeftoverPostmaster } from './postgres-cluster.js';
import type { Cluster } from './postgres-cluster.js';
import { isRunning, sendSignal, startChild, stopProcess, waitUntil } from './process.js';
import type { Child } from './process.js';

/** Crash recovery of a large database takes its time. */
const READY_TIMEOUT_MS = 120_000;
const START_TRIES = 60;

export interface PostgresOptions {
  readonly cluster: Cluster;
  readonly logPath: string;
  /** The file of access rules (pg_hba.conf). */
  readonly accessRulesPath: string;
  /** False leaves the disk its time, so a crash of the machine loses data: for tests. */
  readonly durable: boolean;
  /** Hears when the server ends although neither `stop` nor `kill` was called. */
  readonly onUnexpectedEnd: (how: string) => void;
}

export interface PostgresServer {
  readonly port: number;
  readonly pid: number;
  /** Starts on the given port of 127.0.0.1; unless `exact`, on the next free one where it is taken. */
  start(port: number, options?: { exact: boolean }): Promise<void>;
  /** Fast shutdown, and by force where that takes too long; does nothing when it is not running. */
  stop(): Promise<void>;
  /** Sends a signal to the server alone and waits for its end where the signal ends it at once. */
  kill(signal: NodeJS.Signals): Promise<void>;
}

interface Started {
  readonly child: Child;
  readonly port: number;
}

export function createPostgresServer(options: PostgresOptions): PostgresServer {
  const slot = createChildSlot<Started>('Postgres', options.onUnexpectedEnd);
  return {
    get port() {
      return slot.get().port;
    },
    get pid() {
      return slot.get().child.pid;
    },
    async start(port, { exact } = { exact: false }) {
      await stopLeftoverPostmaster(options.cluster.clusterDir);
      await startWithRetries(options, slot, { port: exact ? port : await findFreePort(port), exact });
      slot.watch();
    },
    async stop() {
      slot.expectEnd();
      const started = slot.peek();
      if (started !== undefined) await stopProcess(started.child, STOP_POSTGRES);
    },
    async kill(signal) {
      slot.expectEnd();
      const { child } = slot.get();
      sendSignal(child, signal);
      if (signal === 'SIGKILL') await child.ended;
    },
  };
}

async function startWithRetries(
  options: PostgresOptions,
  slot: ChildSlot<Started>,
  first: { port: number; exact: boolean },
): Promise<void> {
  let { port } = first;
  for (let tried = 1; ; tried += 1) {
    const logStart = logSize(options.logPath);
    const child = await startChild(postgresCommand(options, port), options.logPath);
    slot.put({ child, port });
    if (await becomesReady(options, child)) return;
    const why = logTail(options.logPath, logStart);
    if (tried >= START_TRIES || !isPassing(why)) throw new Error(`Postgres did not start: ${why}`);
    if (/could not (create any TCP|bind)/.test(why) && !first.exact) port = await findFreePort(port + 1);
    // Backends of a postmaster killed a moment ago still hold its memory.
    else await sleep(250);
    await stopLeftoverPostmaster(options.cluster.clusterDir);
  }
}

/** What another try can get past. */
function isPassing(why: string): boolean {
  return /could not (create any TCP|bind)|pre-existing shared memory block|lock file ".*" already exists/.test(why);
}

/** Waits until the server says in its pid file that it takes connections; false when it ended before. */
async function becomesReady({ cluster }: PostgresOptions, child: Child): Promise<boolean> {
  let alive = true;
  const decided = await waitUntil(() => {
    const file = readPostmasterFile(cluster.clusterDir);
    if (file?.pid === child.pid && file.ready) return true;
    alive = isRunning(child);
    return !alive;
  }, READY_TIMEOUT_MS);
  if (!decided) {
    await stopProcess(child, STOP_POSTGRES);
    throw new Error(`Postgres was not ready after ${READY_TIMEOUT_MS / 1_000} s`);
  }
  return alive;
}

function postgresCommand(options: PostgresOptions, port: number): ReturnType<Cluster['binaries']['command']> {
  const { cluster, accessRulesPath, durable } = options;
  const settings = {
    listen_addresses: '127.0.0.1',
    port: String(port),
    unix_socket_directories: '',
    hba_file: accessRulesPath,
    password_encryption: 'scram-sha-256',
    max_connections: '200',
    timezone: 'UTC',
    log_timezone: 'UTC',
    // A peer that is gone is noticed in seconds, so that its locks are freed.
    tcp_keepalives_idle: '5',
    tcp_keepalives_interval: '2',
    tcp_keepalives_count: '3',
    client_connection_check_interval: '1s',
    // Until a table has statistics, OpenFGA pages through a store by sorting it anew for every page.
    autovacuum_naptime: '15s',
    // Commits still reach the operating system: killed, Postgres loses nothing, only a machine that fails does.
    ...(durable ? {} : { fsync: 'off', full_page_writes: 'off' }),
  };
  const args = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  return cluster.binaries.command('postgres', ['-D', cluster.clusterDir, ...args]);
}
