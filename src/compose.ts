/**
 * The composition root: the only file that knows every part of the service, and the order they start and stop in; what
 * carries out the contract is put together in src/operations.ts.
 *
 * Read `compose` for the order; the functions below it put one capability together each.
 */
import type { Logger } from 'pino';

import { createClaimSweeper } from './audit/claim-sweeper.js';
import { createDecisionLog } from './audit/decision-log.js';
import { createLedger } from './audit/create-ledger.js';
import type { Config } from './config.js';
import { authorizationModel, modelHash } from './contract/model.js';
import { countInvalidations } from './decisions/cache.js';
import { createPermissionsOf } from './decisions/own-permissions.js';
import type { HttpServer } from './http/server.js';
import type { Load } from './http/shedding.js';
import { createMetrics } from './platform/metrics.js';
import type { Metrics } from './platform/metrics.js';
import { createImpersonationSweeper } from './impersonation/sweeper.js';
import { createMailMetrics } from './mail/mail-metrics.js';
import { createPostOffice } from './mail/post-office.js';
import { createMailSender } from './mail/sender.js';
import { createClock, readDatabaseClock } from './platform/clock.js';
import { createLineLook } from './platform/engine-call.js';
import { createEngineWatch } from './platform/engine-watch.js';
import type { EngineAddress } from './platform/engine-http.js';
import { createEngineLook, hasModel, writeModel } from './platform/openfga-admin.js';
import { observeEngine } from './platform/openfga-metrics.js';
import { createQuestionSlots, createTupleStore, PATIENCE_MS } from './platform/openfga.js';
import { createLoopDelay } from './platform/loop-delay.js';
import { createPool } from './platform/postgres.js';
import type { Pool } from './platform/postgres.js';
import { createTracing } from './platform/tracing.js';
import type { Tracing } from './platform/tracing.js';
import { declareRuntimeMetrics } from './platform/runtime-metrics.js';
import { readShipped } from './platform/shipped.js';
import { createRequestSweeper } from './requests/sweeper.js';
import { createServers } from './servers.js';
import type { ServersBase } from './servers.js';
import { closing, inOrder, starting } from './shared/part.js';
import type { Part } from './shared/part.js';
import { patient } from './shared/patient.js';
import type { TupleStore } from './shared/tuple.js';
import { createSyncGate, listenForApplied } from './sync/gate.js';
import type { GateOptions } from './sync/gate.js';
import { createSigningIn } from './signin/signing-in.js';
import type { SigningIn } from './signin/signing-in.js';
import { createModelInForce } from './sync/model.js';
import type { ModelPart } from './sync/model.js';
import { createSync } from './sync/create-sync.js';

/** What a test may swap: the engine, time, and the load; and whether our own answers are held to the contract. */
export interface Outside {
  readonly tuples: TupleStore;
  readonly now: () => Date;
  readonly validateResponses: boolean;
  /** What there is to do, as far as it is too much; a test's own work is on the same event loop. */
  readonly load: Load;
  /** How long a check may stand in line for the engine, in milliseconds. */
  readonly patienceMs: number;
  /** Whether what the first requests would wait for is made before there are any; it takes half a second. */
  readonly warmsUp: boolean;
}

export interface Service extends Part {
  /** Where the two servers listen, once started. */
  addresses(): { readonly service: string; readonly management: string };
  /** The authorization model that every engine call names, once started. */
  modelId(): string;
  /** From now on not ready, and every answer ends its connection, so that no more requests are sent here. */
  drain(): void;
  /** Everything that is measured, in Prometheus' text form. */
  metricsText(): Promise<string>;
}

/** What everything is made of, but for how people sign in. */
type Base = Omit<ServersBase, 'signingIn' | 'load' | 'validateResponses' | 'wake'>;

/** Puts the service together; nothing runs before `start`. Throws where the contract or an issuer is at fault. */
export function compose(config: Config, log: Logger, outside: Partial<Outside> = {}): Service {
  const metrics = createMetrics();
  const opened = pools(config, log);
  const { service: pool, sync: syncPool, sign_in: signInPool } = opened;
  const clock = createClock({ ask: () => readDatabaseClock(syncPool), metrics, log });
  const now = outside.now ?? clock.now;
  const model = modelInForce(config, log, syncPool);
  const tracing = createTracing();
  const { inLine, engineWatch, ...engine } = engineOf(config, { ...outside, metrics, tracing, model });
  const tuples = outside.tuples ?? engine.tuples;
  const loop = createLoopDelay();
  const gate = gateOf(config, { pool: syncPool, asidePool: pool, log, now, metrics });
  const decisionLog = createDecisionLog({ pool, log, metrics, mode: config.decisionLog });
  const office = createPostOffice(config.mail);
  const stores = { pool, syncPool, tuples, engineWatch, model, gate, decisionLog, office };
  const base: Base = { config, log, metrics, tracing, now, clock, ...stores };
  const signingIn = signIn({ ...base, signInPool });

  const synced = { ...config, log, metrics, pool: opened.project, tuples, model };
  const { projector, reconcileTimer, filling } = createSync(synced);
  const ledger = createLedger({ url: config.database.syncUrl, ...config.audit, log, metrics });
  const { validateResponses = false, load = { ...inLine, lateMs: loop.lateMs } } = outside;
  const { service, management, readiness, overload, warmUp } = createServers(
    { ...base, signingIn, validateResponses, load, wake: () => projector.wake() },
    ledger.warning,
  );
  const measured = { ...opened, seal: ledger.pool };
  declareRuntimeMetrics(metrics, { version: version(), modelHash, pools: measured });

  const waiting = waitingOn(log);
  const whole = inOrder([
    ...Object.entries(measured).map(([name, each]) => closing(`${name} pool`, each)),
    loop,
    management,
    ...[engineWatch, overload],
    waiting(clock),
    waiting(gate),
    waiting(model),
    projector,
    waiting(filling),
    reconcileTimer,
    ledger.sealer,
    waiting(decisionLog),
    createClaimSweeper({ pool, log }),
    createImpersonationSweeper({ pool, log }),
    createRequestSweeper({ pool, log }),
    createMailSender({ pool, office, log, metrics: createMailMetrics(metrics, pool) }),
    ...(signingIn === undefined ? [] : [waiting(signingIn.keys)]),
    ...((outside.warmsUp ?? true) ? [starting('warm-up', warmUp)] : []),
    service,
  ]);
  return {
    ...whole,
    addresses: () => ({ service: urlOf(service), management: urlOf(management) }),
    modelId: () => model.modelId(),
    drain: () => {
      readiness.drain();
      service.drain();
    },
    metricsText: async () => (await metrics.render()).body,
  };
}

/** A part that starts once what it needs is there. */
function waitingOn(log: Logger): (part: Part) => Part {
  return (part) => patient(part, 500, (error) => log.warn({ err: error }, `${part.name} cannot start yet`));
}

/** Keeps answers from being older than they may be. */
function gateOf(
  config: Config,
  { metrics, ...parts }: Pick<GateOptions, 'pool' | 'asidePool' | 'log' | 'now'> & { metrics: Metrics },
) {
  return createSyncGate({
    ...{ ...parts, tokenWaitMs: config.syncWaitMs, feedMs: 100 },
    ...{ onLost: countInvalidations(metrics), listen: listenForApplied(config.database.syncUrl, parts.log) },
  });
}

/** By the names that metrics give them. */
type Pools = Record<'service' | 'sync' | 'project' | 'sign_in', Pool>;

function pools({ database }: Config, log: Logger): Pools {
  const onLost = (error: Error): void => log.warn({ err: error }, 'database connection lost');
  const { url, syncUrl, connections } = database;
  return {
    service: createPool({ url, role: 'bailiwick_service', max: connections, applicationName: 'bailiwick' }, onLost),
    sign_in: createPool({ url, role: 'bailiwick_service', max: 2, applicationName: 'bailiwick-sign-in' }, onLost),
    sync: createPool({ url: syncUrl, role: 'bailiwick_sync', max: 6, applicationName: 'bailiwick-sync' }, onLost),
    // Its own, so that whoever waits for a change to be in force is not in the way of what puts it there.
    project: createPool({ url: syncUrl, role: 'bailiwick_sync', max: 4, applicationName: 'bailiwick-project' }, onLost),
  };
}

/** From a password to a token, and what those build on who administer people. */
function signIn(parts: Base & { readonly signInPool: Pool }): SigningIn | undefined {
  const { signIn: settings } = parts.config;
  if (settings === undefined) return undefined;
  const permissionsOf = createPermissionsOf(parts);
  return createSigningIn({
    ...parts,
    permissionsOf,
    settings,
    commonPasswords: readShipped('data/common-passwords.txt'),
  });
}

function engineAddress({ engine: { url, storeId, token, ca } }: Config): EngineAddress & { readonly storeId: string } {
  return { url, storeId, apiToken: token, ca };
}

/** The engine's port, what bounds the questions put to it, and whether it serves. */
function engineOf(config: Config, { metrics, tracing, model, patienceMs = PATIENCE_MS }: EngineParts) {
  const slots = createQuestionSlots();
  const asked = { ...engineAddress(config), observe: observeEngine(metrics), tracing, slots, patienceMs };
  return {
    inLine: { waiting: slots.waiting, isLineTooLong: createLineLook(asked), isUnderWay: slots.isUnderWay },
    tuples: createTupleStore({ ...asked, modelId: () => model.modelId() }),
    engineWatch: createEngineWatch(createEngineLook(asked)),
  };
}

interface EngineParts {
  readonly metrics: Metrics;
  readonly tracing: Tracing;
  readonly model: ModelPart;
  readonly patienceMs?: number;
}

function modelInForce(config: Config, log: Logger, pool: Pool): ModelPart {
  const address = engineAddress(config);
  return createModelInForce({
    pool,
    log,
    storeId: address.storeId,
    writeModel: () => writeModel(address, authorizationModel),
    hasModel: (modelId) => hasModel(address, modelId),
  });
}

function version(): string {
  const manifest: unknown = JSON.parse(readShipped('package.json'));
  const isVersioned = typeof manifest === 'object' && manifest !== null && 'version' in manifest;
  return isVersioned ? String(manifest.version) : 'unknown';
}

function urlOf(server: Pick<HttpServer, 'address'>): string {
  const { host, port } = server.address();
  return `http://${host}:${String(port)}`;
}
