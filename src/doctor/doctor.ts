/**
 * `bailiwick doctor`: looks at settings, Postgres and the engine, and says of each fault what cures it. It reads alone.
 *
 * What could not be asked is a finding, and keeps nothing else from being looked at.
 * INVARIANT: no finding holds a secret: they are sentences about settings, never their values. tests/unit/doctor.test.ts.
 */
import { access, constants, readFile, readdir } from 'node:fs/promises';
import { dirname } from 'node:path';

import { modelHash } from '../contract/model.js';
import { askStore } from '../platform/openfga-admin.js';
import { createPool } from '../platform/postgres.js';
import type { DatabaseRole, Pool } from '../platform/postgres.js';
import { TlsRefusal } from '../platform/tls-refusal.js';
import { Problem } from '../shared/problem.js';
import { listAbsent, selectServer, selectSync, selectTruth } from './doctor-store.js';
import type { SyncFacts } from './doctor-store.js';
import { fail, findingsOf } from './finding.js';
import type { Finding } from './finding.js';
import { SETTINGS_CHECKS, isLoopback } from './settings-findings.js';
import { DATABASE_CHECKS, ENGINE_CHECKS } from './world-findings.js';
import type { DatabaseFacts } from './world-findings.js';

export interface DoctorOptions {
  readonly settings: DatabaseFacts['settings'];
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Where the migrations of this version lie. */
  readonly migrations: string;
  readonly locks: { readonly projector: number; readonly sealer: number };
}

/** Looks at everything. Resolves to what is wrong, faults of the settings first. */
export async function examine(options: DoctorOptions): Promise<Finding[]> {
  const { settings, environment } = options;
  const checkpointFault = await faultOf(settings.audit.checkpointFile);
  const inPod = environment['KUBERNETES_SERVICE_HOST'] !== undefined;
  const { findings, sync } = await examineDatabase(options);
  return [
    ...findingsOf(SETTINGS_CHECKS, { settings, inPod, checkpointFault }),
    ...findings,
    ...(await examineEngine(settings, sync?.hasModel)),
  ];
}

/** Why a file cannot be appended to, or made; undefined where it can, and where there is none. */
async function faultOf(path: string | undefined): Promise<string | undefined> {
  if (path === undefined) return undefined;
  const denied = (at: string): Promise<string | undefined> =>
    access(at, constants.W_OK).then(
      () => undefined,
      (error: unknown) => (error instanceof Error && 'code' in error ? String(error.code) : 'no access'),
    );
  const fault = await denied(path);
  return fault === 'ENOENT' ? await denied(dirname(path)) : fault;
}

async function examineDatabase(options: DoctorOptions): Promise<{ findings: Finding[]; sync?: SyncFacts }> {
  const { database, engine } = options.settings;
  const asService = opened(database.url, 'bailiwick_service');
  const asSync = opened(database.syncUrl, 'bailiwick_sync');
  try {
    const server = await asService.transaction(selectServer).catch((error: unknown) => refusal(error, 'DATABASE_URL'));
    const nowMs = Date.now();
    if ('id' in server) return { findings: [server] };
    const behind = server.isMigrated ? await examineSchema(asService, options.migrations) : notMigrated([]);
    if (behind !== undefined) return { findings: [behind] };
    const asked = {
      ...{ projectorLock: options.locks.projector, sealerLock: options.locks.sealer },
      ...{ storeId: engine.storeId, modelHash },
    };
    const sync = await asSync
      .transaction((tx) => selectSync(tx, asked))
      .catch((error: unknown) => refusal(error, 'BAILIWICK_SYNC_DATABASE_URL'));
    if ('id' in sync) return { findings: [sync] };
    const truth = await asService.transaction(selectTruth, { settings: { 'bailiwick.platform': 'on' } });
    const facts = { settings: options.settings, server, truth, sync, nowMs };
    return { findings: findingsOf(DATABASE_CHECKS, facts), sync };
  } finally {
    await Promise.all([asService.end(), asSync.end()]);
  }
}

function opened(url: string, role: DatabaseRole): Pool {
  return createPool(
    { url, role, max: 1, applicationName: 'bailiwick-doctor', acquireTimeoutMs: 5_000 },
    () => undefined,
  );
}

/** Why the database would not let us in, or would not take on our role. */
function refusal(error: unknown, setting: string): Finding {
  const cause = error instanceof Problem && error.cause instanceof Error ? error.cause : error;
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  const text = cause instanceof Error ? cause.message : '';
  if (cause instanceof TlsRefusal) {
    return fail(
      'database-not-trusted',
      `${setting}: ${text}`,
      'give `sslrootcert` the authority that signs its certificate, and name it as its certificate does; TLS is turned on by `ssl = on`',
    );
  }
  if (/unsupported startup parameter/.test(text)) {
    return fail(
      'pooler-between',
      `${setting} leads to a pooler that refuses our start-up options`,
      'go around it, or put it in session mode with `ignore_startup_parameters = options`: leadership is a session lock',
    );
  }
  if (
    /permission denied to set role|role "bailiwick_\w+" does not exist|invalid value for parameter "role"/.test(text)
  ) {
    return fail(
      'role-not-granted',
      `the login of ${setting} may not take on its role`,
      'run `bailiwick migrate`, then `grant bailiwick_service to LOGIN` and `grant bailiwick_sync to SYNC_LOGIN`',
    );
  }
  if (code === '28P01' || code === '28000') {
    return fail(
      'login-refused',
      `Postgres refuses the login of ${setting}`,
      'correct its user, its password or pg_hba.conf',
    );
  }
  if (code === '3D000')
    return fail('database-absent', `the database of ${setting} does not exist`, 'create it, then `bailiwick migrate`');
  return fail(
    'database-unreachable',
    `Postgres cannot be asked by ${setting}${code === '' ? '' : ` (${code})`}`,
    'is it running, and do host, port, certificate and network let this machine in?',
  );
}

const notMigrated = (absent: readonly string[]): Finding =>
  fail(
    'schema-behind',
    absent.length === 0 ? 'the database was never migrated' : `the database lacks ${absent.slice(0, 5).join(', ')}`,
    'run `bailiwick migrate` of this version, before it is started',
  );

/** Whether everything that the migrations of this version make is there, which any login may see. */
async function examineSchema(pool: Pool, migrations: string): Promise<Finding | undefined> {
  const names = (await readdir(migrations)).filter((name) => name.endsWith('.sql')).sort();
  const texts = await Promise.all(names.map((name) => readFile(`${migrations}/${name}`, 'utf8')));
  const made = (kind: string): string[] => {
    const last = new Map<string, boolean>();
    const statements = new RegExp(`^(create(?: or replace)?|drop) ${kind} (?:if exists )?([a-z_]+\\.[a-z_]+)\\b`, 'gm');
    for (const [, verb = '', name = ''] of texts.join('\n').matchAll(statements)) last.set(name, verb !== 'drop');
    return [...last].filter(([, stands]) => stands).map(([name]) => name);
  };
  const absent = await pool.transaction((tx) => listAbsent(tx, made('table'), made('function')));
  return absent.length === 0 ? undefined : notMigrated(absent);
}

async function examineEngine(settings: DoctorOptions['settings'], hasModel: boolean | undefined): Promise<Finding[]> {
  const { url, storeId, token, ca } = settings.engine;
  const withKey = await askStore({ url, storeId, apiToken: token, ca });
  const withoutKey = token === undefined ? withKey : await askStore({ url, storeId, ca });
  const isLocal = isLoopback(new URL(url).hostname);
  return findingsOf(ENGINE_CHECKS, { storeId, withKey, withoutKey, hasKey: token !== undefined, hasModel, isLocal });
}
