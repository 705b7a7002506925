/**
 * The two ports: the service's, made from the contract, and the management port beside it, with what makes the process
 * ready. Put together here from what src/compose.ts hands over, which alone starts and stops them.
 */
import { createHttpApp } from './http/app.js';
import { loadConsole } from './http/console.js';
import { parseContract } from './http/contract.js';
import { createReadiness } from './http/health.js';
import type { Readiness, ReadinessCheck, ReadinessWarning } from './http/health.js';
import { createOncePerKey } from './http/idempotency.js';
import { createManagementAnswers } from './http/management.js';
import { createManagementThread } from './http/management-thread.js';
import type { ManagementServer } from './http/management-thread.js';
import { createHttpServer } from './http/server.js';
import type { HttpServer } from './http/server.js';
import { createOverloadWatch } from './http/overload.js';
import type { OverloadWatch } from './http/overload.js';
import { createShedder, isTooMuch } from './http/shedding.js';
import type { Load } from './http/shedding.js';
import { createWhoAsks } from './http/who-asks.js';
import { carriedOut } from './operations.js';
import type { OperationsBase } from './operations.js';
import type { Clock } from './platform/clock.js';
import type { EngineWatch } from './platform/engine-watch.js';
import { readShipped } from './platform/shipped.js';
import type { Tracing } from './platform/tracing.js';
import { requireFreshTuples } from './sync/sync-metrics.js';

/** What the ports are made of. */
export interface ServersBase extends OperationsBase {
  readonly clock: Clock;
  readonly tracing: Tracing;
  /** What there is to do, as far as it is too much. */
  readonly load: Load;
  readonly validateResponses: boolean;
}

/** What readiness asks of beside the base. */
interface Own {
  readonly service: HttpServer;
  readonly overload: OverloadWatch;
  readonly ledgerWarning: ReadinessWarning;
}

/** What makes the process ready, in the order in which it is said. */
function readinessOf(
  { config, clock, engineWatch, pool, syncPool, model }: ServersBase,
  { service, overload, ledgerWarning }: Own,
): Readiness {
  const checks: ReadinessCheck[] = [
    {
      name: 'database',
      check: async () => {
        await pool.transaction((tx) => tx.query({ text: 'select 1' }));
      },
    },
    ...(config.degraded === 'sql' ? [] : [{ name: 'engine', check: () => engineWatch.requireUp() }]),
    {
      name: 'model',
      check: async () => {
        await Promise.resolve(model.modelId());
      },
    },
    { name: 'sync', check: () => requireFreshTuples(syncPool) },
    { name: 'clock', check: () => clock.requireRight() },
    { name: 'load', check: () => overload.requireRelief() },
    { name: 'port', check: () => service.requireOpen() },
  ];
  return createReadiness(
    checks,
    config.degraded === 'sql' ? [answeredFromRows(engineWatch), ledgerWarning] : [ledgerWarning],
  );
}

/** Where rows may answer for it, an engine that is away is no reason to send requests elsewhere. */
function answeredFromRows(engineWatch: EngineWatch): ReadinessWarning {
  const said = 'the engine does not serve: checks are answered from the rows, lists are not';
  return { name: 'engine', warn: () => Promise.resolve(engineWatch.isUp() ? undefined : said) };
}

export interface Servers {
  readonly service: HttpServer;
  readonly management: ManagementServer;
  readonly readiness: Readiness;
  readonly overload: OverloadWatch;
  readonly warmUp: () => Promise<void>;
}

/** The service's port, made from the contract, and the management port beside it. */
export function createServers(base: ServersBase, ledgerWarning: ReadinessWarning): Servers {
  const { config, log, metrics, tracing, pool, validateResponses } = base;
  const document = parseContract(readShipped('openapi.yaml'));
  const { operations, authorize, readPlainCheck } = carriedOut(document, base);
  const { authenticate, readClient } = createWhoAsks({ ...base, callers: config.callers });
  const defaultTimeoutMs = config.http.requestTimeoutMs;
  const oncePerKey = createOncePerKey(pool, log);
  const app = createHttpApp({
    ...{ document, operations, authenticate, authorize, oncePerKey, log, metrics, defaultTimeoutMs, validateResponses },
    ...{ tracing, readClient },
    pages: loadConsole(new URL('../dist/console/', import.meta.url), config.signIn?.domain),
    atOnce: { known: authenticate.known, read: readPlainCheck },
    shed: createShedder(base.load, metrics),
  });
  const { host, port, managementPort } = config.http;
  const overload = createOverloadWatch(() => isTooMuch(base.load));
  const service = createHttpServer({ name: 'service port', host, port, app, log });
  const readiness = readinessOf(base, { service, overload, ledgerWarning });
  return {
    ...{ service, readiness, overload },
    warmUp: async () => {
      await Promise.all([app.warmUp(), base.signingIn?.warmUp()]);
    },
    management: createManagementThread({
      ...{ host, port: managementPort, log },
      answer: createManagementAnswers({ readiness, metrics, log }),
    }),
  };
}
