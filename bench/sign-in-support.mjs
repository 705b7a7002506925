/** What the sign-in benches share: accounts, one request to sign in, and the statistics of two samples. */
import { hashPassword } from '../dist/platform/password-hash.js';
import { runSql } from '../dist/platform/admin-sql.js';
import { percentile } from './support.mjs';

export const PASSWORD = 'plum violin over the quiet harbour';

/**
 * Makes `count` users of the tenant whose password is PASSWORD; all share one hash.
 * @param {Awaited<ReturnType<typeof import('./support.mjs').startBench>>} bench
 * @param {{ tenant: string, prefix: string, count: number, status?: string }} people
 */
export async function addPeople(bench, { tenant, prefix, count, status = 'active' }) {
  const hash = await hashPassword(PASSWORD);
  await bench.sql(
    `insert into security.app_user (id, tenant_id, email, status)
     select $1::text || n, $2::text, $1::text || n || '@example.com', $4::text from generate_series(1, $3::int) n`,
    [prefix, tenant, count, status],
  );
  await bench.sql(
    `insert into security.credential (user_id, password_hash) select $1::text || n, $3::text from generate_series(1, $2::int) n`,
    [prefix, count, hash],
  );
}

/**
 * @param {string} base @param {{ tenant: string, email: string, password: string }} body
 * @returns {Promise<{ status: number, ms: number }>}
 */
export async function signIn(base, body) {
  const startedAt = performance.now();
  const response = await fetch(`${base}/api/v1/auth/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'timeout-ms': '10000' },
    body: JSON.stringify(body),
  });
  await response.arrayBuffer();
  return { status: response.status, ms: performance.now() - startedAt };
}

/**
 * Cliff's delta: how much more often a value of one sample is above one of the other than below. 0: no telling apart.
 * @param {readonly number[]} a @param {readonly number[]} b
 */
export function cliffsDelta(a, b) {
  let sum = 0;
  for (const x of a) for (const y of b) sum += Math.sign(x - y);
  return sum / (a.length * b.length);
}

/** @param {readonly number[]} values */
export const median = (values) => percentile(values, 50);

/**
 * As if nobody had ever failed to sign in.
 * @param {{ databaseUrl: string }} bench
 */
export const clearFailures = ({ databaseUrl }) => runSql(databaseUrl, ['delete from security.sign_in_failure']);

/**
 * Locks every account whose address begins so.
 * @param {{ databaseUrl: string }} bench @param {string} prefix
 */
export const lock = ({ databaseUrl }, prefix) =>
  runSql(databaseUrl, [
    `insert into security.sign_in_failure (tenant_id, email_key, failures, failed_at, locked_until)
     select tenant_id, security.email_key(email), 5, now(), now() + interval '15 minutes'
     from security.app_user where email like '${prefix}%'`,
  ]);
