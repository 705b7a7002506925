/**
 * Migrations: `migrations/NNNN_what.sql`, forward only, one transaction, one runner at a time, while others serve: they
 * only add, so that the version before runs on. tests/integration/next-version.test.ts.
 */
import { runner } from 'node-pg-migrate';
import type { Logger } from 'pino';

import { explainDatabaseTls } from './tls-refusal.js';

/** Waits for a lock in short tries: whoever comes behind a waiting `alter table`, reader or writer, waits with it. */
const LOCK_TIMEOUT_MS = 1_000;
const BETWEEN_TRIES_MS = 1_000;
/** A dump takes this long; a migration that has not got through by then needs somebody who looks. */
const PATIENCE_MS = 600_000;

/**
 * Brings the database up to date while others work on it; several callers wait for each other, and a migration gives
 * way to whoever has locked what it needs, for ten minutes. Resolves to the migrations that were run. `directory` is an
 * absolute path. The login needs `CREATEROLE` and `CREATE` on the database and on its schema `public` the first time,
 * and membership of `bailiwick_migrator` afterwards. Throws what Postgres says.
 */
export async function migrate(url: string | undefined, directory: string, log: Logger): Promise<string[]> {
  const endsAt = performance.now() + PATIENCE_MS;
  for (;;) {
    const faults: string[] = [];
    try {
      return await runAll({ url, directory, log, faults });
    } catch (error) {
      if (!isLockTimeout(error) || performance.now() > endsAt) {
        for (const fault of faults) log.error({ migration: fault }, 'migration failed');
        throw explainDatabaseTls(error);
      }
      log.warn('a migration gives way to somebody who has locked what it needs, and is tried again');
      await new Promise((resolve) => setTimeout(resolve, BETWEEN_TRIES_MS));
    }
  }
}

/** SQLSTATE 55P03, lock_not_available. */
function isLockTimeout(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === '55P03';
}

interface Run {
  readonly url: string | undefined;
  readonly directory: string;
  readonly log: Logger;
  /** Takes in what the runner says of a statement that failed. */
  readonly faults: string[];
}

/** All or none. */
async function runAll({ url, directory, log, faults }: Run): Promise<string[]> {
  const done = await runner({
    databaseUrl: {
      ...(url === undefined ? {} : { connectionString: url }),
      application_name: 'bailiwick-migrate',
      connectionTimeoutMillis: 10_000,
      lock_timeout: LOCK_TIMEOUT_MS,
    },
    dir: directory,
    direction: 'up',
    migrationsSchema: 'migration',
    createMigrationsSchema: true,
    migrationsTable: 'applied',
    migrationLoaderStrategies: [{ extensions: ['.sql'], loader: 'sql' }],
    advisoryLockMode: 'wait',
    checkOrder: true,
    logger: {
      debug: () => undefined,
      info: (message) => log.debug({ migration: message }, 'migrating'),
      warn: (message) => log.debug({ migration: message }, 'migrating'),
      error: (message) => faults.push(message),
    },
  });
  return done.map((migration) => migration.name);
}
