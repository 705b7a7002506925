/**
 * Revocations seen on two replicas that keep answers: 20 admin writes a second through the service over 50 tenants, 300
 * checks a second beside. From the commit to the first denial, and whether a check that carries the token is ever stale;
 * then the same with the wait for the token left out, which has to show some, or the first figure says nothing.
 */
import { setTimeout as sleep } from 'node:timers/promises';

import { createAsking } from './asking.mjs';
import { startService } from './service.mjs';
import { report, startBench, timed } from './support.mjs';

const TENANTS = 50;
const TRIES = Number(process.env['BENCH_TRIES'] ?? 1_000);
const CONTROL_TRIES = 200;
/** A try is two writes: an assignment and its revocation. */
const WRITES_PER_SECOND = 20;
const CHECKS_PER_SECOND = 300;
/** Between two looks: whoever looks without a pause leaves nothing for those who are looked at. */
const LOOK_MS = 2;
/** Who administers says so by headers; there is no gateway here. */
const SETTINGS = { BAILIWICK_TRUST_LOOPBACK: 'yes' };

/** @typedef {Awaited<ReturnType<typeof startBench>>} Bench */
/** @typedef {readonly [ReturnType<typeof createAsking>, ReturnType<typeof createAsking>]} Replicas */
/** @typedef {Record<'first' | 'both' | 'answer' | 'write' | 'check', number[]>} Times */

export async function run() {
  const bench = await startBench();
  const processes = [await startService(bench, SETTINGS), await startService(bench, SETTINGS)];
  const [one, other] = processes.map(({ port }) => createAsking({ port, key: bench.key }));
  if (one === undefined || other === undefined) throw new Error('there are two');
  const replicas = /** @type {const} */ ([one, other]);
  try {
    // Whoever projects is one of the two.
    await bench.standBack();
    for (let tenant = 0; tenant < TENANTS; tenant += 1) await addPeople(bench, tenant);
    await bench.applied();
    const background = keepAsking(replicas);
    /** @type {Times} */
    const ms = { first: [], both: [], answer: [], write: [], check: [] };
    const startedAt = performance.now();
    const stale = await inTurn(TRIES, (attempt) =>
      attempt % 2 === 0 ? throughService(bench, replicas, { attempt, ms }) : bySql(bench, replicas, { attempt, waits: true }),
    );
    const perSecond = (2 * TRIES) / ((performance.now() - startedAt) / 1000);
    const control = await inTurn(CONTROL_TRIES, (attempt) => bySql(bench, replicas, { attempt, waits: false }));
    background.stop();
    console.log(`revocation with two replicas, ${perSecond.toFixed(1)} writes/s, ${String(background.asked())} checks beside (aim: p50 ≤ 20 ms, p99 ≤ 100 ms; 0 stale with the token)`);
    report('commit → first denial', ms.first);
    report('commit → denied on both', ms.both);
    report('commit → the answer of the revocation', ms.answer);
    report('the engine alone: one Write', ms.write);
    report('the engine alone: one Check', ms.check);
    console.log(`  stale allows with the token: ${String(stale)} of ${String(2 * TRIES)}; with the wait left out: ${String(control)} of ${String(2 * CONTROL_TRIES)}`);
  } finally {
    for (const { end } of processes) end();
    await bench.end();
  }
} // prettier-ignore

const userOf = (/** @type {number} */ tenant) => `u${String(tenant)}`;
const of = (/** @type {number} */ attempt) => {
  const tenant = attempt % TENANTS;
  const [user, tenantId] = [userOf(tenant), `t${String(tenant)}`];
  return { user, tenantId, roleId: `${tenantId}.biller`, question: { user, permission: 'claims.read', tenant: tenantId } };
}; // prettier-ignore

async function addPeople(/** @type {Bench} */ bench, /** @type {number} */ tenant) {
  const [tenantId, user] = [`t${String(tenant)}`, userOf(tenant)];
  await bench.addTenant(tenantId, 'rcm');
  await bench.sql(`insert into security.app_user (id, tenant_id, email) select id, $1, id || '@example.com' from unnest($2::text[]) id`, [tenantId, [user, `admin-${user}`]]);
  await bench.sql(`insert into security.user_role (user_id, role_id) values ($1, $2)`, [`admin-${user}`, `${tenantId}.tenant_admin`]);
} // prettier-ignore

/**
 * Begins a try every so often, whether the one before has ended or not, as callers do.
 * @param {number} tries @param {(attempt: number) => Promise<number>} one
 */
async function inTurn(tries, one) {
  const startedAt = performance.now();
  /** @type {Promise<number>[]} */
  const running = [];
  for (let attempt = 0; attempt < tries; attempt += 1) {
    const waitMs = startedAt + (attempt * 2_000) / WRITES_PER_SECOND - performance.now();
    if (waitMs > 0) await sleep(waitMs);
    // A tenant is tried again when its last try is over.
    await running[attempt - TENANTS];
    const trying = one(attempt);
    running.push(trying);
    // What fails is thrown below, and not while another is waited for.
    trying.catch(() => undefined);
  }
  const counts = await Promise.all(running);
  return counts.reduce((sum, count) => sum + count, 0);
}

/** @param {Replicas} replicas @param {ReturnType<typeof of>} who */
async function assign(replicas, { user, tenantId, roleId, question }) {
  await replicas[0].administer({ method: 'POST', path: `/admin/users/${user}/roles`, as: `admin-${user}`, tenantId, body: { roleId } });
  for (const { check } of replicas) while (!(await check(question))) await sleep(LOOK_MS);
} // prettier-ignore

/**
 * Revokes through the service, while both replicas are asked again and again, and asks with the token when it has come.
 * @param {Bench} bench @param {Replicas} replicas @param {{ attempt: number, ms: Times }} what
 * @returns {Promise<number>} how many of the two answers with the token were stale
 */
async function throughService(bench, replicas, { attempt, ms }) {
  const who = of(attempt);
  await assign(replicas, who);
  const { user, tenantId, roleId, question } = who;
  const until = async (/** @type {Replicas[0]} */ { check }) => {
    while (await check(question)) await sleep(LOOK_MS);
    return performance.now();
  };
  const denied = replicas.map(until);
  const committed = commitOf(bench, user);
  const syncToken = await replicas[0].administer({ method: 'DELETE', path: `/admin/users/${user}/roles/${roleId}`, as: `admin-${user}`, tenantId });
  const answeredAt = performance.now();
  const answers = await Promise.all(replicas.map(({ check }) => check({ ...question, syncToken })));
  const [committedAt, ...at] = await Promise.all([committed, ...denied]);
  ms.first.push(Math.min(...at) - committedAt);
  ms.both.push(Math.max(...at) - committedAt);
  ms.answer.push(answeredAt - committedAt);
  const tuple = { user: 'user:bare', relation: 'a', object: `role:${tenantId}/${roleId}` };
  ms.write.push(await timed(() => bench.engine.write({ writes: [tuple], deletes: [] }, { timeoutMs: 3_000 })));
  ms.check.push(await timed(() => bench.engine.check({ user: 'user:bare', relation: 'claims.read', object: `tenant:${tenantId}`, at: new Date() }, { timeoutMs: 3_000 })));
  await bench.engine.write({ writes: [], deletes: [tuple] }, { timeoutMs: 3_000 });
  return answers.filter(Boolean).length;
} // prettier-ignore

/** The last moment at which a revocation was seen not to be there yet: no later than its commit. */
async function commitOf(/** @type {Bench} */ bench, /** @type {string} */ user) {
  let lastThere = performance.now();
  for (;;) {
    const askedAt = performance.now();
    const { rows } = await bench.operator.statement((tx) =>
      tx.query({ name: 'live', text: `select 1 from security.user_role where user_id = $1 and revoked_at is null`, values: [user] }),
    );
    if (rows.length === 0) return lastThere;
    lastThere = askedAt;
    await sleep(LOOK_MS);
  }
} // prettier-ignore

/**
 * Revokes by SQL, so that nothing has waited before the first question; `waits`: that question carries the token.
 * @param {Bench} bench @param {Replicas} replicas @param {{ attempt: number, waits: boolean }} what
 * @returns {Promise<number>} how many of the two answers were stale
 */
async function bySql(bench, replicas, { attempt, waits }) {
  const who = of(attempt);
  await assign(replicas, who);
  const [row] = /** @type {{ token: string }[]} */ (
    await bench.sql(
      `with gone as (update security.user_role set revoked_at = now() where user_id = $1 and revoked_at is null returning 1)
       select sync.token($2) as token from (select count(*) from gone) x`,
      [who.user, who.tenantId],
    )
  );
  const token = waits ? { syncToken: row?.token ?? '' } : {};
  const answers = await Promise.all(replicas.map(({ check }) => check({ ...who.question, ...token })));
  return answers.filter(Boolean).length;
}

/** @param {Replicas} replicas */
function keepAsking(replicas) {
  let asked = 0;
  const timer = setInterval(() => {
    asked += 1;
    const tenant = asked % TENANTS;
    const question = { user: userOf(tenant), permission: 'users.read', tenant: `t${String(tenant)}` };
    void replicas[asked % 2 === 0 ? 0 : 1].check(question).catch(() => undefined);
  }, 1000 / CHECKS_PER_SECOND);
  return { stop: () => clearInterval(timer), asked: () => asked };
}
