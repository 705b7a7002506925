/**
 * The operating commands: each puts together the few parts that it needs and prints what it found. They exit with 0 when
 * all is well, 1 when they could not do their work, and 3 when they found what should not be.
 */
import { writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { Logger } from 'pino';

import { AUDIT_COMMANDS } from './audit/audit-commands.js';
import type { AuditOptions } from './audit/audit-commands.js';
import type { AuditConfig, KeysConfig, OperatorConfig } from './config.js';
import { SEALER_LOCK } from './audit/sealer.js';
import { ConfigError, readConfig } from './config.js';
import { examine } from './doctor/doctor.js';
import { fail } from './doctor/finding.js';
import type { Finding } from './doctor/finding.js';
import { migrate } from './platform/migrate.js';
import { ensureStore, hasModel } from './platform/openfga-admin.js';
import type { EngineAddress } from './platform/engine-http.js';
import { createTupleStore } from './platform/openfga.js';
import { hashPassword } from './platform/password-hash.js';
import { createPool } from './platform/postgres.js';
import type { DatabaseRole, Pool } from './platform/postgres.js';
import { newServiceKey } from './platform/service-key.js';
import { TlsRefusal } from './platform/tls-refusal.js';
import { insertServiceKey } from './http/service-key-store.js';
import { isId } from './shared/ids.js';
import { Problem } from './shared/problem.js';
import { bootstrapPlatformAdmin } from './signin/bootstrap.js';
import { runExport, runImport } from './portable/access-commands.js';
import type { AccessOptions } from './portable/access-commands.js';
import { listKeys, rotateKeys } from './signin/key-commands.js';
import { giveOneTimePassword } from './signin/passwords.js';
import { PROJECTOR_LOCK } from './sync/projector.js';
import { awaitRepair, reconcile } from './sync/reconcile.js';
import { adoptRestore } from './sync/restore.js';
import { listOutbox, retryOutbox, showModel } from './sync/sync-commands.js';

export type Print = (line: string) => void;

const MIGRATIONS = fileURLToPath(new URL('../migrations', import.meta.url));
const REPAIR_TIMEOUT_MS = 120_000;

/** `bailiwick migrate`: brings the database up to date. */
export async function runMigrate(url: string, log: Logger, print: Print): Promise<number> {
  const done = await migrate(url, MIGRATIONS, log);
  print(done.length === 0 ? 'the database is up to date' : `ran ${done.join(', ')}`);
  return 0;
}

/**
 * `bailiwick reconcile`: compares rows and tuples. A dry run that finds drift exits with 3; a repair waits until the
 * service's projector has applied it.
 */
export async function runReconcile(
  config: OperatorConfig,
  options: { repair: boolean; json: boolean },
  output: { print: Print; progress: Print },
): Promise<number> {
  return await withPool(config, async (pool) => {
    const tuples = createTupleStore({ ...config.engine, apiToken: config.engine.token, modelId: () => '' });
    const startedAt = performance.now();
    const scope = {
      pool,
      tuples,
      timeoutMs: 10_000,
      onProgress: (read: { rows: number; tuples: number }) => {
        if (performance.now() - startedAt > 1_000)
          output.progress(`compared ${String(read.rows)} keys, ${String(read.tuples)} tuples`);
      },
    };
    const { counts, examples } = await reconcile(scope, options.repair ? 'repair' : 'dry-run');
    const found = counts.missing + counts.extra + counts.altered;
    const repaired = options.repair && (found === 0 || (await awaitRepair(pool, REPAIR_TIMEOUT_MS)));
    if (options.json) output.print(JSON.stringify({ ...counts, repaired, examples }));
    else {
      output.print(
        `missing ${String(counts.missing)}, extra ${String(counts.extra)}, altered ${String(counts.altered)}`,
      );
      for (const { fault, tuple } of examples.slice(0, 10))
        output.print(`  ${fault} ${tuple.user} ${tuple.relation} ${tuple.object}`);
      if (options.repair && found > 0)
        output.print(repaired ? 'repaired' : 'queued for repair: no projector has applied it yet');
    }
    if (found === 0 || repaired) return 0;
    return options.repair ? 1 : 3;
  });
}

/** `bailiwick service-key create`: makes a key for a backend and prints it, this once. */
export async function runServiceKeyCreate(
  config: Pick<OperatorConfig, 'databaseUrl'>,
  wanted: { name: string; tenantId: string | undefined },
  print: Print,
): Promise<number> {
  if (wanted.tenantId !== undefined && !isId(wanted.tenantId)) throw new Error('`--tenant` is not an id');
  const { keyId, key, keyHash } = newServiceKey();
  await withPool(config, (pool) => pool.transaction((tx) => insertServiceKey(tx, { ...wanted, keyId, keyHash })));
  print(key);
  return 0;
}

/** `bailiwick audit …`; undefined where there is no such command. */
export function findAuditCommand(
  name: string,
): ((config: AuditConfig, options: AuditOptions, print: Print) => Promise<number>) | undefined {
  const command = AUDIT_COMMANDS.get(name);
  if (command === undefined) return undefined;
  return (config, options, print) =>
    command({
      config,
      options,
      print,
      inDatabase: (work) => withPool(config, (pool) => work((inner) => pool.transaction(inner))),
    });
}

/** `bailiwick platform-admin bootstrap`: makes the first platform admin and prints their one-time password, this once. */
export async function runPlatformAdminBootstrap(
  config: Pick<OperatorConfig, 'databaseUrl'>,
  admin: { email: string; displayName: string },
  print: Print,
): Promise<number> {
  if (!/^[^@\s]+@[^@\s]+$/.test(admin.email)) throw new Error('`--email` is not an e-mail address');
  const made = await withPool(config, (pool) =>
    pool.transaction((tx) =>
      bootstrapPlatformAdmin(tx, admin, (inner, userId) =>
        giveOneTimePassword(inner, userId, { hash: hashPassword, now: new Date() }),
      ),
    ),
  );
  print(`user id             ${made.userId}`);
  print(`one-time password   ${made.oneTimePassword}   (for a day; sign in under the tenant \`platform\`)`);
  return 0;
}

/** What the commands of the outbox and of the model take from the command line. */
export interface SyncOptions {
  readonly json: boolean;
  readonly tenant?: string | undefined;
  readonly parked: boolean;
  readonly 'dry-run': boolean;
}

const SYNC_COMMANDS = ['outbox list', 'outbox retry', 'model status'] as const;

/** `bailiwick outbox …` and `bailiwick model status`; undefined where there is no such command. */
export function findSyncCommand(
  name: string,
): ((config: OperatorConfig, options: SyncOptions, print: Print) => Promise<number>) | undefined {
  const command = SYNC_COMMANDS.find((each) => each === name);
  if (command === undefined) return undefined;
  return (config, { json, tenant: tenantId, parked: parkedOnly, 'dry-run': dryRun }, print) =>
    withPool(config, async (pool) => {
      const context = { pool, print, json };
      if (command === 'outbox list') return await listOutbox(context, { tenantId, parkedOnly });
      if (command === 'outbox retry') return await retryOutbox(context, { tenantId, dryRun });
      const engine = { ...config.engine, apiToken: config.engine.token };
      return await showModel(context, { storeId: engine.storeId, hasModel: (id) => hasModel(engine, id) });
    });
}

/** `bailiwick restore adopt`: exit 0 taken up, 3 the dry run found transaction ids missing, 1 it cannot be done so. */
export async function runRestoreAdopt(
  config: Pick<OperatorConfig, 'databaseUrl'>,
  { json, 'dry-run': dryRun }: { json: boolean; 'dry-run': boolean },
  output: { print: Print; progress: Print },
): Promise<number> {
  const { databaseUrl } = config;
  return await withPool(config, (pool) => adoptRestore({ pool, databaseUrl, json, ...output }, { dryRun }));
}

/** `bailiwick export` and `import`; undefined where there is no such command. */
export function findAccessCommand(
  name: string,
):
  | ((config: Pick<OperatorConfig, 'databaseUrl'>, options: AccessOptions, output: AccessOutput) => Promise<number>)
  | undefined {
  if (name !== 'export' && name !== 'import') return undefined;
  const run = name === 'export' ? runExport : runImport;
  return (config, options, output) => withPool(config, (pool) => run({ pool, ...output }, options));
}

export interface AccessOutput {
  readonly print: Print;
  readonly complain: Print;
}

/** `bailiwick keys list` and `keys rotate`; undefined where there is no such command. */
export function findKeyCommand(
  name: string,
): ((config: KeysConfig, options: KeyOptions, output: { print: Print; log: Logger }) => Promise<number>) | undefined {
  if (name !== 'keys list' && name !== 'keys rotate') return undefined;
  return ({ databaseUrl, signingSecret: secret }, { json, now: atOnce, 'dry-run': dryRun }, output) =>
    withPool({ databaseUrl, role: 'bailiwick_service' }, async (pool) => {
      const context = { pool, json, ...output };
      return name === 'keys list' ? await listKeys(context) : await rotateKeys(context, { secret, atOnce, dryRun });
    });
}

export interface KeyOptions {
  readonly json: boolean;
  readonly now: boolean;
  readonly 'dry-run': boolean;
}

/** `bailiwick store ensure`: finds or makes the engine's store, and prints its id; to `file` as well, where one is named. */
export async function runStoreEnsure(
  engine: EngineAddress,
  { name, file }: { name: string; file: string | undefined },
  print: Print,
): Promise<number> {
  await ensureStore(engine, name);
  // Whoever made one at the same moment finds the same one the second time: the oldest.
  const storeId = await ensureStore(engine, name);
  if (file !== undefined) await writeFile(file, `${storeId}\n`);
  print(storeId);
  return 0;
}

/** `bailiwick doctor`: exit 0 where nothing keeps the service from working, 3 where something does. */
export async function runDoctor(
  environment: Readonly<Record<string, string | undefined>>,
  { json }: { json: boolean },
  print: Print,
): Promise<number> {
  const findings = await examined(environment);
  const failed = findings.filter(({ level }) => level === 'fail').length;
  if (json) print(JSON.stringify({ ok: failed === 0, findings }));
  else {
    for (const { id, level, what, cure } of findings) {
      print(`${level === 'fail' ? '[-]' : '[!]'} ${id}: ${what}`);
      print(`      ${cure}`);
    }
    print(`${String(failed)} faults, ${String(findings.length - failed)} warnings`);
  }
  return failed === 0 ? 0 : 3;
}

async function examined(environment: Readonly<Record<string, string | undefined>>): Promise<readonly Finding[]> {
  try {
    const settings = readConfig(environment);
    const locks = { projector: PROJECTOR_LOCK, sealer: SEALER_LOCK };
    return await examine({ settings, environment, migrations: MIGRATIONS, locks });
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.faults.map((what) => fail('settings-incomplete', what, 'see the table of settings in the README'));
  }
}

interface PoolConfig extends Pick<OperatorConfig, 'databaseUrl'> {
  readonly role?: DatabaseRole;
}

async function withPool<T>(config: PoolConfig, work: (pool: Pool) => Promise<T>): Promise<T> {
  const pool = createPool(
    {
      url: config.databaseUrl,
      role: config.role ?? 'bailiwick_operator',
      max: 6,
      applicationName: 'bailiwick-command',
      statementTimeoutMs: 0,
    },
    () => undefined,
  );
  try {
    return await work(pool);
  } catch (error) {
    // Whoever runs a command may know what callers of the service are not told.
    throw error instanceof Problem && error.cause instanceof TlsRefusal ? error.cause : error;
  } finally {
    await pool.end();
  }
}
