/**
 * The service's database made ready: created, migrated, with a login for each of those who use it.
 *
 * In a cluster of our own each login is a member of one group role and nothing else; the operator's inherits what it is
 * granted, so that psql just works. On a Postgres of somebody else's (`DATABASE_URL`) no login is made and no password
 * touched: its own login takes on the group roles.
 */
import { join } from 'node:path';
import type { Logger } from 'pino';

import { runSql } from '../platform/admin-sql.js';
import { migrate } from '../platform/migrate.js';
import { projectRoot } from './paths.js';
import type { Secrets } from './secrets.js';
import type { StackPostgres } from './stack-server.js';
import { StartFailure, errorCode } from './start-failure.js';

const DATABASE = 'bailiwick';
const DUPLICATE_DATABASE = '42P04';
const DUPLICATE_ROLE = '42710';
const NOT_ALLOWED = '42501';

/** Connection URLs, one a purpose. */
export interface DatabaseUrls {
  readonly service: string;
  readonly sync: string;
  readonly operator: string;
}

/** In the stack's Postgres: makes the database unless it is there, migrates it, sets the logins' passwords. */
export async function prepareOwnDatabase(
  postgres: StackPostgres,
  secrets: Secrets,
  log: Logger,
): Promise<DatabaseUrls> {
  await runSql(postgres.url('postgres'), [{ text: `create database ${DATABASE}`, unless: [DUPLICATE_DATABASE] }]);
  await migrateDatabase(postgres.url(DATABASE), log);
  const logins = [
    { name: 'bailiwick_app', group: 'bailiwick_service', password: secrets.servicePassword },
    { name: 'bailiwick_projector', group: 'bailiwick_sync', password: secrets.syncPassword },
    { name: 'operator', group: 'bailiwick_operator', password: secrets.operatorPassword },
  ] as const;
  const statements = logins.flatMap(({ name, group, password }) => [
    { text: `create role "${name}" login inherit`, unless: [DUPLICATE_ROLE] },
    `alter role "${name}" password '${password}'`,
    `grant ${group} to "${name}"`,
  ]);
  await runSql(postgres.url(DATABASE), statements);
  const [service, sync, operator] = logins;
  return {
    service: postgres.url(DATABASE, service.name, service.password),
    sync: postgres.url(DATABASE, sync.name, sync.password),
    operator: postgres.url(DATABASE, operator.name, operator.password),
  };
}

/** In a database that `url` names: migrates it and lets its login take on the group roles. */
export async function prepareGivenDatabase(url: string, log: Logger): Promise<DatabaseUrls> {
  try {
    return await prepare(url, log);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const why = error.message === '' ? errorCode(error) : error.message;
    throw new StartFailure(`the database that \`DATABASE_URL\` names cannot be prepared: ${why ?? 'no reason given'}`, {
      cause: error,
    });
  }
}

async function prepare(url: string, log: Logger): Promise<DatabaseUrls> {
  await migrateDatabase(url, log);
  const groups = ['bailiwick_service', 'bailiwick_sync', 'bailiwick_operator'];
  // Whoever may not grant was granted them by somebody else, or learns it from the first connection.
  const statements = groups.map((group) => ({ text: `grant ${group} to current_user`, unless: [NOT_ALLOWED] }));
  await runSql(url, statements);
  return { service: url, sync: url, operator: url };
}

async function migrateDatabase(url: string, log: Logger): Promise<void> {
  await migrate(url, join(projectRoot(), 'migrations'), log);
}
