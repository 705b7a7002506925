/**
 * The composition root: the only file that knows every part of the service, and the order they start and stop in; what
 * carries out the contract is put together in src/operations.ts.
 *
 * Read `compose` for the order; the functions below it put one capability together each.
 */
import { readFileSync } from 'node:fs';
import type { Logger } from 'pino';

import { createDecisionLog } from './audit/decision-log.js';
import type { DecisionLog } from './audit/decision-log.js';
import { createLedger } from './audit/create-ledger.js';
import type { Config } from './config.js';
import { authorizationModel, modelHash } from './contract/model.js';
import { countInvalidations } from './decisions/cache.js';
import { createPermissionsOf } from './decisions/own-permissions.js';
import { createHttpApp } from './http/app.js';
import { loadConsole } from './http/console.js';
import { parseContract } from './http/contract.js';
import { createReadiness } from './http/health.js';
import type { Readiness, ReadinessCheck, ReadinessWarning } from './http/health.js';
import { createManagementApp } from './http/management.js';
import { createOncePerKey } from './http/idempotency.js';
import { createHttpServer } from './http/server.js';
import { createShedder } from './http/shedding.js';
import type { Load } from './http/shedding.js';
import type { HttpServer } from './http/server.js';
import { createWhoAsks } from './http/who-asks.js';
import { createMetrics } from './platform/metrics.js';
import type { Metrics } from './platform/metrics.js';
import { createImpersonationSweeper } from './impersonation/sweeper.js';
import { createMailMetrics } from './mail/mail-metrics.js';
import { createPostOffice } from './mail/post-office.js';
import type { PostOffice } from './mail/post-office.js';
import { createMailSender } from './mail/sender.js';
import { carriedOut } from './operations.js';
import { createEngineWatch } from './platform/engine-watch.js';
import type { EngineWatch } from './platform/engine-watch.js';
import { hasModel, isServing, writeModel } from './platform/openfga-admin.js';
import { observeEngine } from './platform/openfga-metrics.js';
import { createQuestionSlots, createTupleStore } from './platform/openfga.js';
import { createLoopDelay } from './platform/loop-delay.js';
import { createPool } from './platform/postgres.js';
import type { Pool } from './platform/postgres.js';
import { declareRuntimeMetrics } from './platform/runtime-metrics.js';
import { createRequestSweeper } from './requests/sweeper.js';
import { closing, inOrder, starting } from './shared/part.js';
import type { Part } from './shared/part.js';
import { patient } from './shared/patient.js';
import type { SyncGate } from './shared/sync-gate.js';
import type { TupleStore } from './shared/tuple.js';
import { createSyncGate, listenForApplied } from './sync/gate.js';
import { createSigningIn } from './signin/signing-in.js';
import type { SigningIn } from './signin/signing-in.js';
import { createModelInForce } from './sync/model.js';
import type { ModelPart } from './sync/model.js';
import { createSync } from './sync/create-sync.js';
import { requireFreshTuples } from './sync/sync-metrics.js';

/** What a test may swap: the engine, time, and the load; and whether our own answers are held to the contract. */
export interface Outside {
  readonly tuples: TupleStore;
  readonly now: () => Date;
  readonly validateResponses: boolean;
  /** What there is to do, as far as it is too much; a test's own work is on the same event loop. */
  readonly load: Load;
  /** Whether what the first requests would wait for is made before there are any; it takes half a second. */
  readonly warmsUp: boolean;
}

export interface Service extends Part {
  /** Where the two servers listen, once started. */
  addresses(): { readonly service: string; readonly management: string };
  /** The authorization model that every engine call names, once started. */
  modelId(): string;
  /** From now on not ready, so that no more requests are sent here. */
  drain(): void;
  /** Everything that is measured, in Prometheus' text form. */
  metricsText(): Promise<string>;
}

/** What everything is made of. */
interface Base {
  readonly config: Config;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly now: () => Date;
  /** Of role `bailiwick_service`. */
  readonly pool: Pool;
  /** Of role `bailiwick_sync`. */
  readonly syncPool: Pool;
  readonly tuples: TupleStore;
  readonly engineWatch: EngineWatch;
  readonly model: ModelPart;
  readonly gate: SyncGate;
  readonly decisionLog: DecisionLog;
  /** What there is to do, as far as it is too much. */
  readonly load: Load;
  readonly office: PostOffice;
  /** Undefined: no token is issued here. */
  readonly signingIn: SigningIn | undefined;
}

/** Puts the service together; nothing runs before `start`. Throws where the contract or an issuer is at fault. */
export function compose(config: Config, log: Logger, outside: Partial<Outside> = {}): Service {
  const metrics = createMetrics();
  const now = outside.now ?? (() => new Date());
  const { pool, syncPool, signInPool } = pools(config, log);
  const model = modelInForce(config, log, syncPool);
  const slots = createQuestionSlots();
  const engine = { ...engineAddress(config), observe: observeEngine(metrics) };
  const tuples = outside.tuples ?? createTupleStore({ ...engine, modelId: () => model.modelId(), slots });
  const engineWatch = createEngineWatch((timeoutMs) => isServing(config.engine.url, timeoutMs));
  const loop = createLoopDelay();
  const gate = createSyncGate({
    ...{ pool: syncPool, log, now, tokenWaitMs: config.syncWaitMs, feedMs: 100 },
    ...{ onLost: countInvalidations(metrics), listen: listenForApplied(config.database.syncUrl, log) },
  });
  const decisionLog = createDecisionLog({ pool, log, metrics, mode: config.decisionLog });
  const office = createPostOffice(config.mail);
  const parts = { config, log, metrics, now, pool, syncPool, tuples, engineWatch, model, gate, decisionLog, office };
  const load = outside.load ?? { waiting: slots.waiting, lateMs: loop.lateMs };
  const base: Base = { ...parts, signingIn: signIn({ ...parts, signInPool }), load };

  const { projector, reconcileTimer, filling } = createSync({ ...config, log, metrics, pool: syncPool, tuples, model });
  const ledger = createLedger({ url: config.database.syncUrl, ...config.audit, log, metrics });
  const readiness = readinessOf(base, ledger.warning);
  const { validateResponses = false, warmsUp = true } = outside;
  const wake = (): void => projector.wake();
  const { service, management, warmUp } = servers({ ...base, validateResponses, wake }, readiness);
  const measured = { service: pool, sync: syncPool, sign_in: signInPool, seal: ledger.pool };
  declareRuntimeMetrics(metrics, { version: version(), modelHash, pools: measured });

  const waiting = waitingOn(log);
  const whole = inOrder([
    closing('service pool', pool),
    closing('sync pool', syncPool),
    loop,
    closing('seal pool', ledger.pool),
    closing('sign-in pool', signInPool),
    management,
    engineWatch,
    waiting(gate),
    waiting(model),
    projector,
    waiting(filling),
    reconcileTimer,
    ledger.sealer,
    waiting(decisionLog),
    createImpersonationSweeper({ pool, log }),
    createRequestSweeper({ pool, log }),
    createMailSender({ pool, office, log, metrics: createMailMetrics(metrics, pool) }),
    ...(base.signingIn === undefined ? [] : [waiting(base.signingIn.keys)]),
    ...(warmsUp ? [starting('warm-up', warmUp)] : []),
    service,
  ]);
  return {
    ...whole,
    addresses: () => ({ service: urlOf(service), management: urlOf(management) }),
    modelId: () => model.modelId(),
    drain: () => readiness.drain(),
    metricsText: async () => (await metrics.render()).body,
  };
}

/** A part that starts once what it needs is there. */
function waitingOn(log: Logger): (part: Part) => Part {
  return (part) => patient(part, 500, (error) => log.warn({ err: error }, `${part.name} cannot start yet`));
}

function pools({ database }: Config, log: Logger): { pool: Pool; syncPool: Pool; signInPool: Pool } {
  const onLost = (error: Error): void => log.warn({ err: error }, 'database connection lost');
  const { url, syncUrl, connections } = database;
  return {
    pool: createPool({ url, role: 'bailiwick_service', max: connections, applicationName: 'bailiwick' }, onLost),
    signInPool: createPool({ url, role: 'bailiwick_service', max: 2, applicationName: 'bailiwick-sign-in' }, onLost),
    syncPool: createPool({ url: syncUrl, role: 'bailiwick_sync', max: 6, applicationName: 'bailiwick-sync' }, onLost),
  };
}

/** From a password to a token, and what those build on who administer people. */
function signIn(parts: Omit<Base, 'signingIn' | 'load'> & { readonly signInPool: Pool }): SigningIn | undefined {
  const { signIn: settings } = parts.config;
  if (settings === undefined) return undefined;
  const permissionsOf = createPermissionsOf(parts);
  return createSigningIn({ ...parts, permissionsOf, settings, commonPasswords: readText('data/common-passwords.txt') });
}

function engineAddress({ engine: { url, storeId, token } }: Config): {
  url: string;
  storeId: string;
  apiToken?: string;
} {
  return { url, storeId, ...(token === undefined ? {} : { apiToken: token }) };
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

function readinessOf({ engineWatch, pool, syncPool, model }: Base, ledgerWarning: ReadinessWarning): Readiness {
  const checks: ReadinessCheck[] = [
    {
      name: 'database',
      check: async () => {
        await pool.transaction((tx) => tx.query({ text: 'select 1' }));
      },
    },
    { name: 'engine', check: () => engineWatch.requireUp() },
    {
      name: 'model',
      check: async () => {
        await Promise.resolve(model.modelId());
      },
    },
    { name: 'sync', check: () => requireFreshTuples(syncPool) },
  ];
  return createReadiness(checks, [ledgerWarning]);
}

/** The service's port, made from the contract, and the management port beside it. */
function servers(
  base: Base & { readonly wake: () => void; readonly validateResponses: boolean },
  readiness: Readiness,
): { service: HttpServer; management: HttpServer; warmUp: () => Promise<void> } {
  const { config, log, metrics, pool, validateResponses } = base;
  const document = parseContract(readText('openapi.yaml'));
  const { operations, authorize, readPlainCheck } = carriedOut(document, base);
  const { authenticate, readClient } = createWhoAsks({ ...base, callers: config.callers });
  const defaultTimeoutMs = config.http.requestTimeoutMs;
  const oncePerKey = createOncePerKey(pool, log);
  const app = createHttpApp({
    ...{ document, operations, authenticate, authorize, oncePerKey, log, metrics, defaultTimeoutMs, validateResponses },
    readClient,
    pages: loadConsole(new URL('../dist/console/', import.meta.url), config.signIn?.domain),
    atOnce: { known: authenticate.known, read: readPlainCheck },
    shed: createShedder(base.load, metrics),
  });
  const { host, port, managementPort } = config.http;
  return {
    warmUp: async () => {
      await Promise.all([app.warmUp(), base.signingIn?.warmUp()]);
    },
    service: createHttpServer({ name: 'service port', host, port, app, log }),
    management: createHttpServer({
      name: 'management port',
      host,
      port: managementPort,
      app: createManagementApp({ readiness, metrics, log }),
      log,
    }),
  };
}

function readText(name: string): string {
  return readFileSync(new URL(`../${name}`, import.meta.url), 'utf8');
}

function version(): string {
  const manifest: unknown = JSON.parse(readText('package.json'));
  const isVersioned = typeof manifest === 'object' && manifest !== null && 'version' in manifest;
  return isVersioned ? String(manifest.version) : 'unknown';
}

function urlOf(server: HttpServer): string {
  const { host, port } = server.address();
  return `http://${host}:${String(port)}`;
}
