/** Every check of the doctor, on facts that are right but for one thing. */
import { describe, expect, test } from 'vitest';

import { findingsOf } from '../../src/doctor/finding.js';
import { SETTINGS_CHECKS } from '../../src/doctor/settings-findings.js';
import type { SettingsFacts } from '../../src/doctor/settings-findings.js';
import { DATABASE_CHECKS, ENGINE_CHECKS } from '../../src/doctor/world-findings.js';
import type { DatabaseFacts, EngineFacts } from '../../src/doctor/world-findings.js';

const SECRET = 'a-secret-that-no-finding-may-hold-0123456789';
const settings: DatabaseFacts['settings'] = {
  database: {
    url: `postgres://b:${SECRET}@db.example/b?sslmode=verify-full`,
    syncUrl: `postgres://s:${SECRET}@db.example/b?sslmode=verify-full`,
    connections: 10,
  },
  engine: { url: 'https://fga.example', storeId: '0'.repeat(26), token: SECRET, ca: undefined, timeoutMs: 250 },
  http: { host: '0.0.0.0', requestTimeoutMs: 1000 },
  callers: {
    issuers: [{ algorithms: ['RS256'], jwksUri: 'https://id.example/keys' }],
    trustLoopback: false,
    gatewaySecret: SECRET,
  },
  signIn: { issuer: 'https://bailiwick.example', bootstrapToken: undefined },
  audit: { key: SECRET, checkpointFile: '/var/lib/bailiwick/checkpoints' },
  syncWaitMs: 250,
  reconcileSeconds: 3600,
  mail: { mailboxDir: undefined, secretKey: Buffer.from(SECRET) },
};
const sound: SettingsFacts = { settings, inPod: true, checkpointFault: undefined };
const database: DatabaseFacts = {
  settings,
  server: {
    version: 180_004,
    nowMs: 1_000_000,
    isSuperuser: false,
    maxConnections: 100,
    unsafe: [],
    isEncrypted: true,
    hasEngineTables: false,
    isMigrated: true,
    longTransactions: [],
    preparedTransactions: 0,
  },
  truth: { platformAdmins: 1, serviceKeys: 1, hasMailer: true },
  sync: { hasProjector: true, hasSealer: true, parked: 0, lagSeconds: 0.02, hasModel: true, isEncrypted: true },
  nowMs: 1_000_100,
};
const engine: EngineFacts = {
  ...{ storeId: '0'.repeat(26), withKey: 'there', withoutKey: 'refused' },
  ...{ hasKey: true, hasModel: true, isLocal: false },
};

const withSettings = (over: Partial<typeof settings>): SettingsFacts => ({
  ...sound,
  settings: { ...settings, ...over },
});
const withServer = (over: Partial<DatabaseFacts['server']>): DatabaseFacts => ({
  ...database,
  server: { ...database.server, ...over },
});
const withDatabase = (over: Partial<typeof settings.database>): SettingsFacts =>
  withSettings({ database: { ...settings.database, ...over } });
const { callers } = settings;

const SETTINGS_CASES: [string, SettingsFacts][] = [
  ['loopback-is-trusted', withSettings({ callers: { ...callers, trustLoopback: true } })],
  [
    'issuer-algorithm-symmetric',
    withSettings({ callers: { ...callers, issuers: [{ algorithms: ['RS256', 'HS256'] }] } }),
  ],
  [
    'issuer-keys-in-the-clear',
    withSettings({ callers: { ...callers, issuers: [{ algorithms: ['RS256'], jwksUri: 'http://id.example/k' }] } }),
  ],
  ['issuer-in-the-clear', withSettings({ signIn: { issuer: 'http://bailiwick.example', bootstrapToken: undefined } })],
  ['audit-not-signed', withSettings({ audit: { key: undefined, checkpointFile: undefined } })],
  ['checkpoints-kept-in-log-alone', withSettings({ audit: { key: SECRET, checkpointFile: undefined } })],
  ['checkpoint-file-not-writable', { ...sound, checkpointFault: 'EACCES' }],
  ['database-not-verified', withDatabase({ url: `postgres://b:${SECRET}@db.example/b?sslmode=no-verify` })],
  ['database-not-verified', withDatabase({ syncUrl: `postgres://s:${SECRET}@db.example/b?sslmode=no-verify` })],
  ['engine-in-the-clear', withSettings({ engine: { ...settings.engine, url: 'http://fga.example:8080' } })],
  ['engine-without-key', withSettings({ engine: { ...settings.engine, token: undefined } })],
  ['listens-on-loopback-in-pod', withSettings({ http: { host: '127.0.0.1', requestTimeoutMs: 1000 } })],
  ['engine-timeout-beyond-request', withSettings({ engine: { ...settings.engine, timeoutMs: 1000 } })],
  ['sync-wait-beyond-request', withSettings({ syncWaitMs: 1000 })],
  ['never-compared', withSettings({ reconcileSeconds: 0 })],
  ['mails-written-to-disk', withSettings({ mail: { mailboxDir: '/tmp/mails' } as typeof settings.mail })],
];
const DATABASE_CASES: [string, DatabaseFacts][] = [
  ['postgres-too-old', withServer({ version: 140_010 })],
  ['login-is-superuser', withServer({ isSuperuser: true })],
  ['database-in-the-clear', withServer({ isEncrypted: false })],
  ['database-in-the-clear', { ...database, sync: { ...database.sync, isEncrypted: false } }],
  ['postgres-may-lose-commits', withServer({ unsafe: ['fsync = off'] })],
  ['too-few-connections', withServer({ maxConnections: 20 })],
  ['clocks-apart', withServer({ nowMs: 990_000 })],
  ['engine-in-our-database', withServer({ hasEngineTables: true })],
  ['transaction-open-for-long', withServer({ longTransactions: [42] })],
  ['prepared-transaction', withServer({ preparedTransactions: 1 })],
  [
    'nobody-may-ask',
    {
      ...database,
      truth: { ...database.truth, serviceKeys: 0, hasMailer: false },
      settings: {
        ...settings,
        signIn: undefined,
        callers: { issuers: [], trustLoopback: false, gatewaySecret: undefined },
      },
    },
  ],
  ['no-platform-admin', { ...database, truth: { ...database.truth, platformAdmins: 0 } }],
  [
    'bootstrap-token-left',
    { ...database, settings: { ...settings, signIn: { issuer: 'https://b.example', bootstrapToken: SECRET } } },
  ],
  [
    'mailer-without-key',
    { ...database, settings: { ...settings, mail: { mailboxDir: undefined, secretKey: undefined } } },
  ],
  ['no-mailer', { ...database, truth: { ...database.truth, hasMailer: false } }],
  ['no-projector', { ...database, sync: { ...database.sync, hasProjector: false } }],
  ['no-sealer', { ...database, sync: { ...database.sync, hasSealer: false } }],
  ['entries-parked', { ...database, sync: { ...database.sync, parked: 2 } }],
  ['changes-lag', { ...database, sync: { ...database.sync, lagSeconds: 11 } }],
];
const ENGINE_CASES: [string, EngineFacts][] = [
  ['engine-unreachable', { ...engine, withKey: 'unreachable', withoutKey: 'unreachable' }],
  ['engine-not-trusted', { ...engine, withKey: 'distrusted', withoutKey: 'distrusted' }],
  ['engine-refuses-key', { ...engine, withKey: 'refused' }],
  ['store-absent', { ...engine, withKey: 'absent' }],
  ['engine-asks-for-no-key', { ...engine, withoutKey: 'there' }],
  ['model-not-written', { ...engine, hasModel: false }],
];
const all = [
  ...SETTINGS_CASES.map(([id, facts]) => ({ id, found: findingsOf(SETTINGS_CHECKS, facts) })),
  ...DATABASE_CASES.map(([id, facts]) => ({ id, found: findingsOf(DATABASE_CHECKS, facts) })),
  ...ENGINE_CASES.map(([id, facts]) => ({ id, found: findingsOf(ENGINE_CHECKS, facts) })),
];

test('what is sound has no finding', () => {
  expect(findingsOf(SETTINGS_CHECKS, sound)).toEqual([]);
  expect(findingsOf(DATABASE_CHECKS, database)).toEqual([]);
  expect(findingsOf(ENGINE_CHECKS, engine)).toEqual([]);
});

describe('one thing that is wrong is found, and nothing else', () => {
  test.each(all)('$id', ({ id, found }) => {
    expect(found.map((finding) => finding.id)).toEqual([id]);
    expect(found[0]?.cure.length).toBeGreaterThan(20);
  });
});

test('there is a case for every check, and more than twenty of them', () => {
  const checks = SETTINGS_CHECKS.length + DATABASE_CHECKS.length + ENGINE_CHECKS.length;
  // One check says either of two things about mail, and two look at both connections to Postgres.
  expect(all).toHaveLength(checks + 3);
  expect(checks).toBeGreaterThanOrEqual(20);
});

test('on the loopback address nothing of TLS is missed', () => {
  const url = `postgres://b:${SECRET}@127.0.0.1/b`;
  const database = { url, syncUrl: `${url}?sslmode=no-verify`, connections: 10 };
  const plain = { ...settings, database, engine: { ...settings.engine, url: 'http://127.0.0.1:8080' } };
  expect(findingsOf(SETTINGS_CHECKS, { ...sound, settings: plain })).toEqual([]);
  const server = { ...withServer({ isEncrypted: false }), settings: plain };
  expect(findingsOf(DATABASE_CHECKS, { ...server, sync: { ...server.sync, isEncrypted: false } })).toEqual([]);
});

test('no finding holds a secret', () => {
  expect(JSON.stringify(all)).not.toContain(SECRET);
});

test('a service that is new says nothing of the clock within a second', () => {
  const ids = (nowMs: number): string[] => findingsOf(DATABASE_CHECKS, withServer({ nowMs })).map(({ level }) => level);
  expect([ids(1_000_100), ids(997_000), ids(900_000)]).toEqual([[], ['warn'], ['fail']]);
});
