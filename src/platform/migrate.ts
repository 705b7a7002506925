/** Migrations: `migrations/NNNN_what.sql`, forward only, one transaction, one runner at a time. */
import { runner } from 'node-pg-migrate';
import type { Logger } from 'pino';

import { explainDatabaseTls } from './tls-refusal.js';

/**
 * Brings the database up to date; several callers wait for each other. Resolves to the migrations that were run.
 * `directory` is an absolute path. The login needs `CREATEROLE` and `CREATE` on the database and on its
 * schema `public` the first time, and membership of `bailiwick_migrator` afterwards.
 */
export async function migrate(url: string | undefined, directory: string, log: Logger): Promise<string[]> {
  const done = await runner({
    databaseUrl: {
      ...(url === undefined ? {} : { connectionString: url }),
      application_name: 'bailiwick-migrate',
      connectionTimeoutMillis: 10_000,
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
      warn: (message) => log.warn({ migration: message }, 'migrating'),
      error: (message) => log.error({ migration: message }, 'migration failed'),
    },
  }).catch((error: unknown) => {
    throw explainDatabaseTls(error);
  });
  return done.map((migration) => migration.name);
}
