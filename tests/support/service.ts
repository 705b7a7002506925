/**
 * The whole service, as `serve` composes it, on a world's database and store: real HTTP on loopback, real rows, the
 * real engine, and a clock that a test may set. Stop it before its world ends.
 */
import { randomUUID } from 'node:crypto';
import { Agent, request as httpRequest } from 'node:http';
import type { IncomingHttpHeaders } from 'node:http';

import type { Logger } from 'pino';

import { compose } from '../../src/compose.js';
import type { Load } from '../../src/http/shedding.js';
import type { Config } from '../../src/config.js';
import type {
  CheckRequest,
  CheckResult,
  ListObjectsRequest,
  ObjectPage,
  Problem as ProblemBody,
} from '../../src/contract/api.js';
import { insertServiceKey } from '../../src/http/service-key-store.js';
import { newServiceKey } from '../../src/platform/service-key.js';
import { quiet } from './world.js';
import type { World } from './world.js';

/** What differs from the world's own addresses and from the settings' defaults. */
export interface ServiceOver {
  /** Who sends it as `x-gateway-secret` is the gateway. */
  readonly gatewaySecret?: string;
  readonly databaseUrl?: string;
  readonly syncDatabaseUrl?: string;
  readonly engineUrl?: string;
  /** Whoever signs the engine's certificate, PEM. */
  readonly engineCa?: string;
  readonly decisionLog?: Config['decisionLog'];
  readonly requestTimeoutMs?: number;
  readonly engineTimeoutMs?: number;
  readonly syncWaitMs?: number;
  readonly decisionCacheEntries?: number;
  readonly degraded?: Config['degraded'];
  /** False: nobody signs in here. */
  readonly signIn?: Partial<NonNullable<Config['signIn']>> | false;
  readonly mail?: Config['mail'];
  /** Connections of the service's pool. */
  readonly connections?: number;
  /** Whether every answer is held to the contract; one that breaks it is a 500. */
  readonly validateResponses?: boolean;
  readonly auditKey?: string;
  readonly checkpointFile?: string;
  /** What there is to do. */
  readonly load?: Load;
  /** Nobody hears it where left out. */
  readonly log?: Logger;
}

/** What the tests' own tokens stand on. */
export const SIGN_IN: NonNullable<Config['signIn']> = {
  issuer: 'https://bailiwick.example',
  audience: 'bailiwick-test',
  signingSecret: 'the-signing-secret-of-the-tests-0123456789',
  domain: 'rcm.example',
  bootstrapToken: undefined,
  failuresPerAddress: 0,
};

/** Who asks: a person, by the headers that loopback is trusted with; a service key or a token; or nobody who says so. */
export type As =
  | { readonly user: string; readonly tenant: string; readonly impersonation?: string }
  | { readonly key: string }
  | 'nobody';

export interface Answered<Body> {
  readonly status: number;
  readonly body: Partial<Body> &
    Partial<Pick<ProblemBody, 'code' | 'detail' | 'errors' | 'missing' | 'holders' | 'changed'>>;
  readonly headers: IncomingHttpHeaders;
  /** The whole answer as it came; where it is no JSON, `body` is empty. */
  readonly text: string;
  readonly requestId: string;
  /** From the request to the whole answer. */
  readonly ms: number;
}

export interface RequestMore {
  readonly as?: As;
  /** Undefined: the service's default. */
  readonly timeoutMs?: number | undefined;
  readonly syncToken?: string;
  /** Besides those above. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** A request without a body. */
export type Ask = <Body>(path: string, more?: RequestMore) => Promise<Answered<Body>>;
/** A request with a body, which may break the contract. */
export type Send = <Body>(path: string, body: unknown, more?: RequestMore) => Promise<Answered<Body>>;

export interface RunningService {
  /** Ends in `/api/v1`. */
  readonly base: string;
  /** Where health and metrics are. */
  readonly management: string;
  /** As the platform's service key unless `as` says who. */
  check(body: CheckRequest, more?: RequestMore): Promise<Answered<CheckResult>>;
  listObjects(body: ListObjectsRequest, more?: RequestMore): Promise<Answered<ObjectPage>>;
  /** Any POST. */
  readonly request: Send;
  readonly get: Ask;
  readonly post: Send;
  readonly put: Send;
  readonly patch: Send;
  readonly delete: Ask;
  /** A new service key; undefined may ask about every tenant. */
  addKey(tenantId: string | undefined): Promise<string>;
  /** What the service takes for the present; undefined is the real one. */
  setNow(date: Date | undefined): void;
  now(): Date;
  /** Waits until everything committed is in force; parked keys do not count. */
  settle(timeoutMs?: number): Promise<void>;
  stop(): Promise<void>;
}

/**
 * Nothing is refused for want of time: two cores are shared with the tests, and some ask thousands of questions at once.
 * What is refused when is tests/contract/shedding.test.ts' concern.
 */
const NO_LOAD: Load = { waiting: () => 0, lateMs: () => 0, isLineTooLong: () => false, isUnderWay: () => false };

/** Starts the service. */
export async function startService(world: World, over: ServiceOver = {}): Promise<RunningService> {
  let fixed: Date | undefined;
  const now = (): Date => fixed ?? new Date();
  const service = compose(configOf(world, over), over.log ?? quiet, {
    now,
    validateResponses: over.validateResponses ?? false,
    load: over.load ?? NO_LOAD,
    patienceMs: 60_000,
    // Half a second for each of a hundred services; tests/unit/warm-up.test.ts.
    warmsUp: false,
  });
  await service.start();
  const addresses = service.addresses();
  const base = `${addresses.service}/api/v1`;
  const platformKey = await addKey(world, undefined);
  const agent = new Agent({ keepAlive: true });

  function by(method: string): Send {
    return async <Body>(path: string, body: unknown, more: RequestMore = {}): Promise<Answered<Body>> => {
      const requestId = randomUUID();
      const headers = {
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        'x-request-id': requestId,
        ...headersOf(more.as ?? { key: platformKey }),
        ...(more.timeoutMs === undefined ? {} : { 'timeout-ms': String(more.timeoutMs) }),
        ...(more.syncToken === undefined ? {} : { 'x-sync-token': more.syncToken }),
        ...more.headers,
      };
      const startedAt = performance.now();
      const text = body === undefined ? undefined : JSON.stringify(body);
      const answer = await send({ method, url: `${base}${path}`, headers, text }, agent);
      const ms = performance.now() - startedAt;
      const isJson = /^application\/(problem\+)?json/.test(answer.headers['content-type'] ?? '');
      const parsed: unknown = isJson ? JSON.parse(answer.text) : {};
      return { ...answer, body: parsed as Answered<Body>['body'], requestId, ms };
    };
  }
  const bare =
    (method: string): Ask =>
    (path, more) =>
      by(method)(path, undefined, more);
  const request = by('POST');

  return {
    base,
    management: addresses.management,
    check: (body, more) => request('/check', body, more),
    listObjects: (body, more) => request('/list-objects', body, more),
    request,
    get: bare('GET'),
    post: request,
    put: by('PUT'),
    patch: by('PATCH'),
    delete: bare('DELETE'),
    addKey: (tenantId) => addKey(world, tenantId),
    setNow: (date) => {
      fixed = date;
    },
    now,
    settle: async (timeoutMs) => {
      await world.applied(timeoutMs);
      // Whoever asks without a token may hear of it a moment later: a token of everything makes this replica hear now.
      const [row] = await world.sql<{ token: string }>(`select sync.token(null) as token`);
      const nothing = { user: 'nobody', permission: 'users.read', tenant: 'nowhere' };
      await by('POST')('/check', nothing, { syncToken: row?.token ?? '', timeoutMs: 5_000 });
    },
    // The server closes every connection; what has come in by then, whoever asked may still read.
    stop: () => service.stop(),
  };
}

function configOf(world: World, over: ServiceOver): Config {
  const url = over.databaseUrl ?? world.databaseUrl;
  return {
    database: { url, syncUrl: over.syncDatabaseUrl ?? url, connections: over.connections ?? 10 },
    engine: {
      url: over.engineUrl ?? world.engineUrl,
      storeId: world.storeId,
      token: undefined,
      ca: over.engineCa ?? world.engineCa,
      timeoutMs: over.engineTimeoutMs ?? 250,
      requestTimeoutMs: 3_000,
    },
    http: { host: '127.0.0.1', port: 0, managementPort: 0, requestTimeoutMs: over.requestTimeoutMs ?? 1_000 },
    callers: { issuers: [], trustLoopback: true, gatewaySecret: over.gatewaySecret },
    signIn: over.signIn === false ? undefined : { ...SIGN_IN, ...over.signIn },
    decisionLog: over.decisionLog ?? 'strict',
    audit: { key: over.auditKey, checkpointFile: over.checkpointFile },
    syncWaitMs: over.syncWaitMs ?? 250,
    decisionCacheEntries: over.decisionCacheEntries ?? 10_000,
    degraded: over.degraded ?? 'off',
    reconcileSeconds: 0,
    logLevel: 'silent',
    mail: over.mail ?? { secretKey: undefined, mailboxDir: undefined },
  };
}

async function addKey(world: World, tenantId: string | undefined): Promise<string> {
  const { key, keyId, keyHash } = newServiceKey();
  const row = { keyId, keyHash, name: 'test', tenantId };
  await world.pool('bailiwick_operator').transaction((tx) => insertServiceKey(tx, row));
  return key;
}

function headersOf(as: As): Record<string, string> {
  if (as === 'nobody') return {};
  if ('key' in as) return { authorization: `Bearer ${as.key}` };
  return {
    'x-user-id': as.user,
    'x-tenant-id': as.tenant,
    ...(as.impersonation === undefined ? {} : { 'x-impersonation-id': as.impersonation }),
  };
}

interface Sent {
  readonly method: string;
  readonly url: string;
  readonly headers: Record<string, string>;
  readonly text: string | undefined;
}

/** Node's own client: scenarios ask thousands of questions, and `fetch` costs as much as the service's part of one. */
function send(
  { method, url, headers, text }: Sent,
  agent: Agent,
): Promise<{ status: number; headers: IncomingHttpHeaders; text: string }> {
  return new Promise((resolve, reject) => {
    const sending = httpRequest(url, { agent, method, headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const { statusCode = 0, headers: answered } = response;
        resolve({ status: statusCode, headers: answered, text: Buffer.concat(chunks).toString() });
      });
    });
    sending.on('error', reject);
    sending.end(text);
  });
}
