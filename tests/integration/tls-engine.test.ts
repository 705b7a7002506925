/**
 * The service with TLS to both of its stores, certificates by `openssl`: whoever takes OpenFGA's place without a
 * certificate of its authority, or with one of another name, is asked nothing, and nothing is allowed meanwhile.
 */
import { readFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';

import { findSyncCommand, runDoctor, runReconcile, runStoreEnsure } from '../../src/commands.js';
import type { EngineAddress } from '../../src/platform/engine-http.js';
import { createTupleStore } from '../../src/platform/openfga.js';
import { askStore, createEngineLook, ensureStore, hasModel } from '../../src/platform/openfga-admin.js';
import { TlsRefusal } from '../../src/platform/tls-refusal.js';
import { EngineError } from '../../src/shared/tuple.js';
import type { Certificate } from '../support/certificates.js';
import { makeTemplate, PLACE } from '../support/global-stack.js';
import { until } from '../support/played-engine.js';
import { startService } from '../support/service.js';
import type { RunningService } from '../support/service.js';
import { startTlsEngine } from '../support/tls-engine.js';
import type { TlsEngine } from '../support/tls-engine.js';
import { startTlsPostgres } from '../support/tls-postgres.js';
import type { TlsPostgres } from '../support/tls-postgres.js';
import { createWorld } from '../support/world.js';
import type { World } from '../support/world.js';

const YES = { user: 'anne', permission: 'claims.read', tenant: 'acme' };
const NO = { user: 'anne', permission: 'users.read', tenant: 'acme' };
const LIMITS = { timeoutMs: 5_000 };

/** What a start that fails half-way leaves to be ended, last things first. */
const undo: (() => Promise<void>)[] = [];
let postgres: TlsPostgres;
let engine: TlsEngine;
let world: World;
let service: RunningService;
let shown: { right: Certificate; stranger: Certificate; otherName: Certificate };
const text = (file: string): string => readFileSync(file, 'utf8');
const address = (over: Partial<EngineAddress> = {}): EngineAddress & { readonly storeId: string } => ({
  ...{ url: engine.url(), ca: text(postgres.authority.cert), storeId: world.storeId, ...over },
});

beforeAll(async () => {
  postgres = await startTlsPostgres();
  undo.unshift(() => postgres.end());
  shown = {
    right: postgres.authority.sign('engine', { names: 'IP:127.0.0.1' }),
    stranger: postgres.stranger.sign('strange-engine', { names: 'IP:127.0.0.1' }),
    otherName: postgres.authority.sign('other-engine', { names: 'DNS:elsewhere.example' }),
  };
  engine = await startTlsEngine(postgres, shown.right);
  undo.unshift(() => engine.end());
  const stack = {
    ...{ postgresUrl: postgres.verifiedUrl(PLACE), engineUrl: engine.url(), engineCa: text(postgres.authority.cert) },
  };
  await makeTemplate(stack);
  world = await createWorld(stack);
  undo.unshift(() => world.end());
  await world.addTenant('acme', 'rcm');
  await world.addUser('acme', 'anne', ['BILLER']);
  service = await startService(world, { engineTimeoutMs: 5_000, requestTimeoutMs: 10_000 });
  undo.unshift(() => service.stop());
  await service.settle();
});
afterAll(async () => {
  for (const one of undo) await one();
});
afterEach(() => vi.unstubAllEnvs());

const readiness = async (): Promise<string> => await (await fetch(`${service.management}/readyz?verbose`)).text();
const isRight = async (): Promise<boolean> => {
  const [yes, no] = [await service.check(YES), await service.check(NO)];
  return yes.status === 200 && yes.body.allowed === true && no.status === 200 && no.body.allowed === false;
};
const doctor = async (over: Readonly<Record<string, string>> = {}): Promise<string[]> => {
  const lines: string[] = [];
  const environment = {
    DATABASE_URL: world.databaseUrl,
    BAILIWICK_OPENFGA_URL: engine.url(),
    BAILIWICK_OPENFGA_STORE_ID: world.storeId,
    BAILIWICK_OPENFGA_CA_FILE: postgres.authority.cert,
    ...over,
  };
  await runDoctor(environment, { json: true }, (line) => lines.push(line));
  const { findings } = JSON.parse(lines.join('')) as { findings: { id: string }[] };
  return findings.map(({ id }) => id);
};

describe('whom its authority vouches for', () => {
  test('is asked: the service decides, and every connection to Postgres is encrypted', async () => {
    expect(await isRight()).toBe(true);
    expect(await readiness()).toContain('[+]engine ok');
    // As the superuser: nobody else sees what others' connections are called.
    const { rows: connections } = await world.pool(undefined).transaction((tx) =>
      tx.query<{ name: string; ssl: boolean }>({
        text: `select distinct a.application_name as name, s.ssl from pg_stat_ssl s
          join pg_stat_activity a on a.pid = s.pid
          where a.datname = current_database() and a.application_name like 'bailiwick%'`,
      }),
    );
    const names = ['bailiwick', 'bailiwick-feed', 'bailiwick-project', 'bailiwick-sealer', 'bailiwick-sync'];
    expect(connections).toEqual(expect.arrayContaining(names.map((name) => ({ name, ssl: true }))));
    expect(connections.filter(({ ssl }) => !ssl)).toEqual([]);
  });

  test('is asked by the commands too', async () => {
    const { url, ca, storeId } = address();
    const config = { databaseUrl: world.databaseUrl, engine: { url, ca, storeId, token: undefined } };
    const lines: string[] = [];
    const print = (line: string): number => lines.push(line);
    expect(await runReconcile(config, { repair: false, json: false }, { print, progress: print })).toBe(0);
    const status = findSyncCommand('model status');
    expect(await status?.(config, { json: true, parked: false, 'dry-run': true }, print)).toBe(0);
    expect(await runStoreEnsure({ url, ca }, { name: 'by-the-command', file: undefined }, print)).toBe(0);
    expect(lines.join('\n')).toContain('missing 0, extra 0, altered 0');
  });

  test('has no finding of TLS by the doctor', async () => {
    const ids = await doctor();
    expect(ids.filter((id) => /trusted|clear|verified|unreachable/.test(id))).toEqual([]);
  });
});

describe.each([
  { what: 'without an authority of its own', by: () => address({ ca: undefined }) },
  { what: 'by another authority', by: () => address({ ca: text(postgres.stranger.cert) }) },
  { what: 'by another name', by: () => address({ url: engine.url('localhost') }) },
])('$what', ({ by }) => {
  // What Node itself takes as leave not to look.
  test.each(['', '0'])('no client of the engine believes it, NODE_TLS_REJECT_UNAUTHORIZED=%s', async (leave) => {
    vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', leave);
    const store = () => createTupleStore({ ...by(), modelId: () => world.modelId });
    const tuple = { user: 'user:anne', relation: 'assignee', object: 'role:none' };
    const question = { ...tuple, at: new Date() };
    const asked = [
      store().check(question, LIMITS),
      store()
        .batchCheck([question], LIMITS)
        .then(([answer]) => Promise.reject(answer as Error)),
      store().read({}, undefined, LIMITS),
      store().write({ deletes: [], writes: [tuple] }, LIMITS),
      store().listObjects({ user: 'user:anne', relation: 'assignee', type: 'role', at: new Date() }, LIMITS),
      ensureStore(by(), 'never-made'),
      hasModel(by(), world.modelId),
    ];
    for (const one of await Promise.allSettled(asked)) {
      const reason: unknown = one.status === 'rejected' ? one.reason : undefined;
      expect(reason).toBeInstanceOf(EngineError);
      expect(reason).toMatchObject({ kind: 'unavailable' });
      const cause = reason instanceof Error ? reason.cause : undefined;
      expect(cause).toBeInstanceOf(TlsRefusal);
      expect(String(cause)).toContain('`BAILIWICK_OPENFGA_CA_FILE`');
    }
    expect(await askStore(by())).toBe('distrusted');
    expect(await createEngineLook(by())(1_000)).toBe(false);
  });
});

describe.each([{ who: 'stranger' }, { who: 'otherName' }] as const)('once $who has taken its place', ({ who }) => {
  test('nothing is allowed, readiness says so, and all is right again with the right one', async () => {
    await until(isRight, 20_000);
    await engine.show(shown[who]);
    const asked = { ...YES, consistency: 'full' } as const;
    const answers = await Promise.all(Array.from({ length: 30 }, () => service.check(asked)));
    for (const { status, body } of answers) expect([status, body.code]).toEqual([503, 'ENGINE_UNAVAILABLE']);
    const list = await service.listObjects({ user: 'anne', permission: 'record.read', tenant: 'acme', type: 'record' });
    expect(list.status).toBe(503);
    await until(async () => (await readiness()).includes('[-]engine'), 5_000);
    // What was kept is given for as long as it takes to notice, a tenth of a second, and no longer.
    const kept = await service.check(YES);
    expect([kept.status, kept.body.code]).toEqual([503, 'ENGINE_UNAVAILABLE']);
    expect(await doctor()).toContain('engine-not-trusted');
    await engine.show(shown.right);
    await until(isRight, 20_000);
  });
});
