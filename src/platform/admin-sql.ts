import pg from 'pg';

import { explainDatabaseTls } from './tls-refusal.js';

export interface AdminStatement {
  readonly text: string;
  /** SQLSTATEs that are no error here, e.g. `42P04` where the database is there already. */
  readonly unless?: readonly string[];
}

/**
 * Runs statements one after the other on a connection of their own, outside any transaction: for what cannot run inside
 * one (`create database`) and for what no role of ours may do. Driver errors are thrown as they are, but for those of TLS.
 */
export async function runSql(url: string | undefined, statements: readonly (string | AdminStatement)[]): Promise<void> {
  const client = new pg.Client({
    ...(url !== undefined && { connectionString: url }),
    connectionTimeoutMillis: 10_000,
  });
  // A connection lost between two statements fails the next one; without a listener it would end the process.
  client.on('error', () => undefined);
  await client.connect().catch((error: unknown) => {
    throw explainDatabaseTls(error);
  });
  try {
    for (const statement of statements) {
      const { text, unless = [] }: AdminStatement = typeof statement === 'string' ? { text: statement } : statement;
      await client.query(text).catch((error: unknown) => {
        if (!(error instanceof pg.DatabaseError && unless.includes(error.code ?? ''))) throw error;
      });
    }
  } finally {
    await client.end();
  }
}
