/**
 * Revocations seen on two replicas that keep answers: 20 changes a second over 50 tenants, 300 checks a second. From the
 * commit to the first denial on each replica without a token, and whether a check that carries the token is ever stale;
 * then the same with the wait for the token left out, which has to show some, or the first figure says nothing.
 */
import { report, startBench, timed } from './support.mjs';

const TENANTS = 50;
const TRIES = Number(process.env['BENCH_TRIES'] ?? 1_000);
const CONTROL_TRIES = 200;
const WRITES_PER_SECOND = 20;
const CHECKS_PER_SECOND = 300;

export async function run() {
  const bench = await startBench();
  const other = await bench.anotherReplica();
  try {
    for (let tenant = 0; tenant < TENANTS; tenant += 1) {
      await bench.addTenant(`t${String(tenant)}`, 'rcm');
      await bench.sql(`insert into security.app_user (id, tenant_id, email) values ($1, $2, $1 || '@example.com')`, [userOf(tenant), `t${String(tenant)}`]);
    }
    const background = keepAsking(bench, other);
    /** @type {Record<'first' | 'both' | 'write' | 'check', number[]>} */
    const ms = { first: [], both: [], write: [], check: [] };
    let stale = 0;
    for (let attempt = 0; attempt < TRIES; attempt += 1) stale += await oneTry(bench, other, { attempt, ms });
    let control = 0;
    for (let attempt = 0; attempt < CONTROL_TRIES; attempt += 1) control += await oneTry(bench, other, { attempt, ms: undefined });
    background.stop();
    console.log(`revocation with two replicas, ${String(WRITES_PER_SECOND)} writes/s, ${String(background.asked())} checks beside (aim: p50 ≤ 20 ms, p99 ≤ 100 ms; 0 stale with the token)`);
    report('commit → first denial', ms.first);
    report('commit → denied on both', ms.both);
    report('the engine alone: one Write', ms.write);
    report('the engine alone: one Check', ms.check);
    console.log(`  stale allows with the token: ${String(stale)} of ${String(TRIES)}; with the wait left out: ${String(control)} of ${String(2 * CONTROL_TRIES)}`);
  } finally {
    await other.stop();
    await bench.end();
  }
} // prettier-ignore

/** @typedef {Awaited<ReturnType<typeof startBench>>} Bench */
/** @typedef {Awaited<ReturnType<Bench['anotherReplica']>>} Replica */

const userOf = (/** @type {number} */ tenant) => `u${String(tenant)}`;

/**
 * Assigns, waits until both replicas allow, revokes, and asks. Without `ms` the token is left out of the first question.
 * @param {Bench} bench @param {Replica} other
 * @param {{ attempt: number, ms: Record<'first' | 'both' | 'write' | 'check', number[]> | undefined }} what
 * @returns {Promise<number>} how many of the two first answers were stale
 */
async function oneTry(bench, other, { attempt, ms }) {
  const tenant = attempt % TENANTS;
  const [user, tenantId] = [userOf(tenant), `t${String(tenant)}`];
  const question = { user, permission: 'claims.read', tenant: tenantId };
  await bench.sql(`insert into security.user_role (user_id, role_id) select $1, r.id from security.role r where r.tenant_id = $2 and r.name = 'BILLER'`, [user, tenantId]);
  for (const check of [bench.check, other.check]) while (!(await check(question)));
  const [row] = /** @type {{ token: string }[]} */ (
    await bench.sql(
      `with gone as (update security.user_role set revoked_at = now() where user_id = $1 and revoked_at is null returning 1)
       select sync.token($2) as token from (select count(*) from gone) x`,
      [user, tenantId],
    )
  );
  const committedAt = performance.now();
  const isTimed = attempt % 2 === 0;
  const token = ms === undefined || isTimed ? {} : { syncToken: row?.token ?? '' };
  const answers = await Promise.all([bench.check({ ...question, ...token }), other.check({ ...question, ...token })]);
  if (ms !== undefined && isTimed) {
    const until = async (/** @type {Bench['check']} */ check) => {
      while (await check(question));
      return performance.now() - committedAt;
    };
    const both = await Promise.all([until(bench.check), until(other.check)]);
    ms.first.push(Math.min(...both));
    ms.both.push(Math.max(...both));
    const tuple = { user: 'user:bare', relation: 'a', object: 'role:t0/t0.BILLER' };
    ms.write.push(await timed(() => bench.engine.write({ writes: [tuple], deletes: [] }, { timeoutMs: 3_000 })));
    ms.check.push(await timed(() => bench.engine.check({ user: 'user:bare', relation: 'claims.read', object: 'tenant:t0', at: new Date() }, { timeoutMs: 3_000 })));
    await bench.engine.write({ writes: [], deletes: [tuple] }, { timeoutMs: 3_000 });
  }
  const pause = 1000 / (WRITES_PER_SECOND / 2) - (performance.now() - committedAt);
  await new Promise((resolve) => setTimeout(resolve, Math.max(0, pause * (0.5 + Math.random()))));
  return ms !== undefined && isTimed ? 0 : answers.filter(Boolean).length;
} // prettier-ignore

/** @param {Bench} bench @param {Replica} other */
function keepAsking(bench, other) {
  let asked = 0;
  const timer = setInterval(() => {
    asked += 1;
    const tenant = asked % TENANTS;
    const question = { user: userOf(tenant), permission: 'users.read', tenant: `t${String(tenant)}` };
    void (asked % 2 === 0 ? bench : other).check(question).catch(() => undefined);
  }, 1000 / CHECKS_PER_SECOND);
  return { stop: () => clearInterval(timer), asked: () => asked };
}
