/**
 * The OpenFGA server of a laptop: on 127.0.0.1 alone, its data in a Postgres database of its own.
 *
 * Its caches are off, so that every answer is as fresh as its database, and so is its log but for what ends it: at any
 * other level it writes down whole requests, tuples included. Its CORS setting names one made-up origin: that keeps
 * web pages out, and as the server repeats it in its answers, it proves that the one who answers on the port is ours
 * and not one that took the port in the same moment.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';

import { createChildSlot } from './child-slot.js';
import type { ChildSlot } from './child-slot.js';
import type { EnginePorts, EngineProgram, EngineSettings } from './engine-program.js';
import { STOP_ENGINE, forgetEngine, recordEngine } from './engine-record.js';
import { logSize, logTail } from './log-file.js';
import { findFreePort } from './ports.js';
import { isRunning, runProgram, startChild, stopProcess, waitUntil } from './process.js';
import type { Child } from './process.js';

const READY_TIMEOUT_MS = 60_000;
const START_TRIES = 20;

export interface EngineOptions {
  readonly program: EngineProgram;
  readonly dataDir: string;
  readonly logPath: string;
  /** The database, with its role and password. */
  readonly databaseUrl: () => string;
  /** Asked of every caller as a Bearer token; undefined asks nothing, which is fit for 127.0.0.1 alone. */
  readonly key: string | undefined;
  /** Hears when the server ends although neither `stop` nor `kill` was called. */
  readonly onUnexpectedEnd: (how: string) => void;
}

export interface EngineServer {
  readonly ports: EnginePorts;
  readonly pid: number;
  /** Brings the database up to date and serves; unless `exact`, on the next free ports where these are taken. */
  start(ports: EnginePorts, options?: { exact: boolean }): Promise<void>;
  /** Lets running requests end, and ends it by force after 10 s; does nothing when it is not running. */
  stop(): Promise<void>;
  /** Sends a signal and waits for the end where the signal ends it at once. */
  kill(signal: NodeJS.Signals): Promise<void>;
}

interface Started {
  readonly child: Child;
  readonly ports: EnginePorts;
}

export function createEngineServer(options: EngineOptions): EngineServer {
  const { program, dataDir } = options;
  const slot = createChildSlot<Started>('the engine', options.onUnexpectedEnd);
  return {
    get ports() {
      return slot.get().ports;
    },
    get pid() {
      return slot.get().child.pid;
    },
    async start(ports, { exact } = { exact: false }) {
      await migrate(options);
      await startWithRetries(options, slot, { ports: exact ? ports : await freePorts(ports), exact });
      slot.watch();
    },
    async stop() {
      slot.expectEnd();
      const started = slot.peek();
      if (started === undefined) return;
      if (program.container !== undefined) await program.signal(started.child, 'SIGTERM');
      await stopProcess(started.child, STOP_ENGINE);
      forgetEngine(dataDir);
    },
    async kill(signal) {
      slot.expectEnd();
      const { child } = slot.get();
      await program.signal(child, signal);
      if (signal === 'SIGKILL') await child.ended;
    },
  };
}

async function migrate(options: EngineOptions): Promise<void> {
  const done = await runProgram(options.program.migrate(engineSettings(options, 'http://127.0.0.1')));
  // Help text follows the error.
  if (!done.ok)
    throw new Error(`openfga migrate failed (${done.end}): ${done.output.split('\nUsage:')[0]?.trim() ?? ''}`);
}

async function startWithRetries(
  options: EngineOptions,
  slot: ChildSlot<Started>,
  first: { ports: EnginePorts; exact: boolean },
): Promise<void> {
  let { ports } = first;
  for (let tried = 1; ; tried += 1) {
    const origin = `http://${randomUUID()}.invalid`;
    const logStart = logSize(options.logPath);
    const child = await startChild(options.program.run(engineSettings(options, origin), ports), options.logPath);
    slot.put({ child, ports });
    recordEngine(options.dataDir, { ...child, container: options.program.container });
    if (await becomesReady({ child, ports }, origin)) return;
    const why = logTail(options.logPath, logStart);
    const isTaken = /address already in use|port is already allocated/.test(why);
    if (!isTaken || tried >= START_TRIES)
      throw new Error(`OpenFGA did not start: ${why.split('\n\ngoroutine')[0] ?? ''}`);
    if (first.exact) await sleep(250);
    else ports = await freePorts({ http: ports.http + 1, grpc: ports.grpc + 1 });
  }
}

async function freePorts(wanted: EnginePorts): Promise<EnginePorts> {
  const http = await findFreePort(wanted.http);
  return { http, grpc: await findFreePort(wanted.grpc, new Set([http])) };
}

/** Waits until it serves; false when it ended before. */
async function becomesReady({ child, ports }: Started, origin: string): Promise<boolean> {
  let alive = true;
  const decided = await waitUntil(async () => {
    alive = isRunning(child);
    return !alive || (await isServing(`http://127.0.0.1:${ports.http}`, origin));
  }, READY_TIMEOUT_MS);
  if (!decided) {
    await stopProcess(child, STOP_ENGINE);
    throw new Error(`OpenFGA did not serve after ${READY_TIMEOUT_MS / 1_000} s`);
  }
  return alive;
}

/** Whether the server at `url` says that it serves, and lets that origin in where one is given. */
export async function isServing(url: string, origin?: string): Promise<boolean> {
  try {
    const response = await fetch(`${url}/healthz`, {
      headers: origin === undefined ? {} : { origin },
      signal: AbortSignal.timeout(2_000),
    });
    const text = await response.text();
    const isOurs = origin === undefined || response.headers.get('access-control-allow-origin') === origin;
    return response.ok && isOurs && /"SERVING"/.test(text);
  } catch {
    return false;
  }
}

function engineSettings({ databaseUrl, key }: EngineOptions, origin: string): EngineSettings {
  return {
    OPENFGA_DATASTORE_ENGINE: 'postgres',
    OPENFGA_DATASTORE_URI: `${databaseUrl()}?sslmode=disable`,
    OPENFGA_HTTP_CORS_ALLOWED_ORIGINS: origin,
    OPENFGA_LOG_LEVEL: 'fatal',
    OPENFGA_METRICS_ENABLED: 'false',
    OPENFGA_PLAYGROUND_ENABLED: 'false',
    OPENFGA_PROFILER_ENABLED: 'false',
    OPENFGA_TRACE_ENABLED: 'false',
    OPENFGA_CHECK_QUERY_CACHE_ENABLED: 'false',
    OPENFGA_CHECK_ITERATOR_CACHE_ENABLED: 'false',
    OPENFGA_LIST_OBJECTS_ITERATOR_CACHE_ENABLED: 'false',
    OPENFGA_CACHE_CONTROLLER_ENABLED: 'false',
    OPENFGA_SHARED_ITERATOR_ENABLED: 'false',
    // The algorithm that will be OpenFGA's only one; its predecessor spins on nested relations such as `record.read`
    // (measured: 4 to 6 times the checks a second). What it answers is held by the same tests.
    OPENFGA_EXPERIMENTALS: 'weighted_graph_check',
    // One question holds several database connections: too many at once would wait for each other for ever.
    OPENFGA_MAX_CONCURRENT_CHECKS_PER_BATCH_CHECK: '8',
    OPENFGA_DATASTORE_MAX_OPEN_CONNS: '90',
    ...(key === undefined ? {} : { OPENFGA_AUTHN_METHOD: 'preshared', OPENFGA_AUTHN_PRESHARED_KEYS: key }),
  };
}
