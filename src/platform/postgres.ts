/**
 * Postgres: the pool, the transaction, and what its errors mean.
 *
 * `Tx` is made by `transaction` alone, so no statement runs outside one. SQLSTATEs and driver errors are translated
 * here and nowhere else; driver text never leaves. Every connection takes on one of our group roles (`set role`), so
 * what it may do is stated in the migrations and not by whoever made the login.
 */
import pg from 'pg';

import { isProblemCode, Problem } from '../shared/problem.js';
import type { ProblemFacts } from '../shared/problem.js';
import { explainDatabaseTls, TlsRefusal } from './tls-refusal.js';

/** The group roles of migrations/0001. */
export type DatabaseRole = 'bailiwick_service' | 'bailiwick_sync' | 'bailiwick_operator' | 'bailiwick_auditor';

export interface PoolOptions {
  /** Connection URL; undefined takes libpq's PG* variables. */
  readonly url: string | undefined;
  /** Taken on by every connection; undefined stays who logged in. */
  readonly role: DatabaseRole | undefined;
  readonly max: number;
  readonly applicationName: string;
  /** How long to wait for a free connection, in milliseconds. */
  readonly acquireTimeoutMs?: number;
  /** `statement_timeout` in milliseconds; 0 is none. */
  readonly statementTimeoutMs?: number;
}

declare const brand: unique symbol;

export interface Query {
  readonly text: string;
  readonly values?: readonly unknown[];
  /** Names a hot statement, so that Postgres plans it once a connection. */
  readonly name?: string;
}

/** A running transaction. */
export interface Tx {
  readonly [brand]: true;
  // eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters -- the caller states its statement's row
  query<Row>(query: Query): Promise<{ rows: Row[]; rowCount: number }>;
}

/** Settings that last as long as the transaction, e.g. `{ 'bailiwick.tenant_id': 't1' }`. */
export type TxSettings = Readonly<Record<string, string>>;

export interface TxOptions {
  readonly settings?: TxSettings;
  readonly isolation?: 'read committed' | 'repeatable read';
}

export interface Pool {
  /** Runs `work` in one transaction: committed when it resolves, rolled back when it throws. */
  transaction<T>(work: (tx: Tx) => Promise<T>, options?: TxOptions): Promise<T>;
  /** Runs `work`, which makes one reading statement: a transaction by itself, without the ways there and back of one. */
  statement<T>(work: (tx: Tx) => Promise<T>): Promise<T>;
  /** Takes a connection out for as long as `work` runs; for session locks. */
  session<T>(work: (session: Session) => Promise<T>): Promise<T>;
  readonly counts: () => { total: number; idle: number; waiting: number };
  end(): Promise<void>;
}

/** One connection of its own, on which transactions follow each other. */
export interface Session {
  transaction<T>(work: (tx: Tx) => Promise<T>, options?: TxOptions): Promise<T>;
  /** As the pool's. */
  statement<T>(work: (tx: Tx) => Promise<T>): Promise<T>;
  /** Whether the connection is known to be gone. */
  readonly isLost: () => boolean;
}

const ISOLATION = { 'read committed': 'begin', 'repeatable read': 'begin isolation level repeatable read' } as const;

/** Opens a pool. `onError` hears of idle connections that break; the pool replaces them by itself. */
export function createPool(options: PoolOptions, onError: (error: Error) => void): Pool {
  const pool = new pg.Pool({
    ...(options.url === undefined ? {} : { connectionString: options.url }),
    max: options.max,
    application_name: options.applicationName,
    connectionTimeoutMillis: options.acquireTimeoutMs ?? 2_000,
    ...silenceLimit(statementTimeoutMs(options)),
    idleTimeoutMillis: 30_000,
    keepAlive: true,
    keepAliveInitialDelayMillis: 5_000,
    options: startupOptions(options),
  });
  pool.on('error', onError);
  // A connection that breaks while it is taken out fails its next statement; without a listener it would end the process.
  pool.on('connect', (client) => client.on('error', () => undefined));
  return {
    transaction: (work, txOptions) => withClient(pool, (client) => runTransaction(client, work, txOptions)),
    statement: (work) => withClient(pool, (client) => work(asTx(client))),
    session: (work) => runSession(pool, work),
    counts: () => ({ total: pool.totalCount, idle: pool.idleCount, waiting: pool.waitingCount }),
    end: () => pool.end(),
  };
}

const statementTimeoutMs = (options: PoolOptions): number => options.statementTimeoutMs ?? 15_000;

/**
 * A server that has vanished without a word ends no statement: past the time that it would have ended it itself, the
 * connection counts as gone, so that the pool is not held by the dead.
 */
function silenceLimit(statementTimeout: number): { query_timeout?: number } {
  return statementTimeout === 0 ? {} : { query_timeout: statementTimeout + 2_000 };
}

function startupOptions(options: PoolOptions): string {
  const settings = [
    `statement_timeout=${String(statementTimeoutMs(options))}`,
    'idle_in_transaction_session_timeout=15000',
    'lock_timeout=10000',
    'timezone=UTC',
    // The server notices within seconds when we are gone, and lets go of what our session had locked.
    'tcp_keepalives_idle=5',
    'tcp_keepalives_interval=2',
    'tcp_keepalives_count=3',
    'client_connection_check_interval=1s',
    ...(options.role === undefined ? [] : [`role=${options.role}`]),
  ];
  return settings.map((setting) => `-c ${setting}`).join(' ');
}

async function connect(pool: pg.Pool): Promise<pg.PoolClient> {
  try {
    return await pool.connect();
  } catch (error) {
    throw translate(explainDatabaseTls(error));
  }
}

async function withClient<T>(pool: pg.Pool, work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
  const client = await connect(pool);
  return await work(client).then(
    (value) => (client.release(), value),
    (error: unknown) => {
      client.release(isConnectionError(error));
      throw translate(error);
    },
  );
}

async function runTransaction<T>(
  client: pg.ClientBase,
  work: (tx: Tx) => Promise<T>,
  options: TxOptions = {},
): Promise<T> {
  await client.query(ISOLATION[options.isolation ?? 'read committed']);
  try {
    for (const [name, value] of Object.entries(options.settings ?? {})) {
      await client.query({ name: 'set-local', text: 'select set_config($1, $2, true)', values: [name, value] });
    }
    const result = await work(asTx(client));
    await client.query('commit');
    return result;
  } catch (error) {
    // A connection that is gone is closed, not rolled back: the statement would wait for an answer as long again.
    if (!isConnectionError(error)) await client.query('rollback').catch(() => undefined);
    throw error;
  }
}

function asTx(client: pg.ClientBase): Tx {
  const tx = {
    // eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters -- as the interface has it
    async query<Row>(query: Query): Promise<{ rows: Row[]; rowCount: number }> {
      // The row's shape is the statement's own; the tests run every statement.
      const result = await client.query<Row & pg.QueryResultRow>(query as pg.QueryConfig).catch((error: unknown) => {
        // Whoever runs the statement may know what its constraint means; everything else is told when it has ended.
        throw refusedByConstraint(error) ?? error;
      });
      return { rows: result.rows, rowCount: result.rowCount ?? 0 };
    },
  };
  // The brand exists in the type alone: this is the one place that grants it.
  return tx as unknown as Tx;
}

async function runSession<T>(pool: pg.Pool, work: (session: Session) => Promise<T>): Promise<T> {
  const client = await connect(pool);
  let broken = false;
  const onLost = (): void => {
    broken = true;
  };
  client.on('error', onLost);
  client.on('end', onLost);
  const noticing = <R>(result: Promise<R>): Promise<R> =>
    result.catch((error: unknown) => {
      broken ||= isConnectionError(error);
      throw translate(error);
    });
  try {
    return await work({
      isLost: () => broken,
      transaction: (inner, options) => noticing(runTransaction(client, inner, options)),
      statement: (inner) => noticing(inner(asTx(client))),
    });
  } finally {
    // A session may hold locks: it is closed, not handed to the next user.
    client.release(true);
  }
}

function sqlState(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

/**
 * SQLSTATE classes in which the server or the connection is gone or about to be, or what it has become since a failover may
 * not write (25006); Node's own socket codes besides.
 */
const UNREACHABLE = /^(08|57P0|53|25006|E(CONNREFUSED|CONNRESET|PIPE|TIMEDOUT|HOSTUNREACH|NOTFOUND|AI_AGAIN))/;

function isConnectionError(error: unknown): boolean {
  const code = sqlState(error);
  if (code !== undefined) return UNREACHABLE.test(code) || code === '25P03';
  return (
    error instanceof Error &&
    /connection|timeout exceeded when trying to connect|query read timeout|not queryable/i.test(error.message)
  );
}

/** A row that a constraint refused; its name says which rule. */
export class ConstraintError extends Error {
  readonly constraint: string;

  constructor(constraint: string, cause: Error) {
    super(cause.message, { cause });
    this.name = 'ConstraintError';
    this.constraint = constraint;
  }
}

/** Unique, foreign-key and check constraints. */
const CONSTRAINT_STATES = new Set(['23505', '23503', '23514']);
/** A lock or a statement that took longer than it may (`lock_timeout`, `statement_timeout`). */
const TOO_LONG = new Set(['55P03', '57014']);
/** What our own guards raise (migrations/0008): `CODE: sentence`, and perhaps facts in the detail. */
const REFUSED_BY_GUARD = 'BW001';

function refusedByGuard(error: Error): Problem | undefined {
  const [, code = '', sentence = ''] = /^([A-Z_]+): (.*)$/s.exec(error.message) ?? [];
  if (!isProblemCode(code)) return undefined;
  const detail = 'detail' in error && typeof error.detail === 'string' ? error.detail : '{}';
  // Written by `security.refuse` in the form of the contract.
  return new Problem(code, sentence, { cause: error, facts: JSON.parse(detail) as ProblemFacts });
}

function refusedByConstraint(error: unknown): ConstraintError | undefined {
  if (!(error instanceof Error) || !CONSTRAINT_STATES.has(sqlState(error) ?? '')) return undefined;
  return 'constraint' in error && typeof error.constraint === 'string'
    ? new ConstraintError(error.constraint, error)
    : undefined;
}

function translate(error: unknown): unknown {
  if (error instanceof Problem || !(error instanceof Error)) return error;
  const state = sqlState(error) ?? '';
  if (state === REFUSED_BY_GUARD) return refusedByGuard(error) ?? error;
  const refused = refusedByConstraint(error);
  if (refused !== undefined) return refused;
  if (TOO_LONG.has(state)) {
    return new Problem('DATABASE_UNAVAILABLE', 'the database took too long', { cause: error, retryAfterSeconds: 1 });
  }
  if (!(error instanceof TlsRefusal) && !isConnectionError(error)) return error;
  return new Problem('DATABASE_UNAVAILABLE', 'the database cannot be reached', { cause: error, retryAfterSeconds: 1 });
}

/** Whether the transaction lost a race that trying again can win (serialization failure, deadlock). */
export function isRetryable(error: unknown): boolean {
  const code = sqlState(error);
  return code === '40001' || code === '40P01';
}
