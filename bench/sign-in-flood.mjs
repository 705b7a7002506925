/**
 * What a flood of sign-ins costs a decision: `/check` at a steady rate, calm and then beside a flood, in three rounds.
 * Aim: p99 in the flood ≤ 2 × calm. The flood is 100 attempts a second that never stop, several times what is hashed.
 */
import { percentile, startBench } from './support.mjs';
import { addPeople, clearFailures, signIn } from './sign-in-support.mjs';

const ROUNDS = 3;
const SECONDS = 15;
const CHECKS_PER_SECOND = 40;
const SIGN_INS_PER_SECOND = 100;

export async function run() {
  const bench = await startBench();
  try {
    await bench.addTenant('t', 'rcm');
    await addPeople(bench, { tenant: 't', prefix: 'u', count: 500 });
    await bench.sql(`insert into security.user_role (user_id, role_id) values ('u1', 't.biller')`);
    // The engine itself is asked: an answer from memory would hide what the flood takes from it.
    const question = { user: 'u1', permission: 'claims.read', tenant: 't', consistency: 'full' };
    const check = () => bench.check(question);
    for (let warm = 0; warm < 200; warm += 1) await check();
    console.log(
      `/check at ${String(CHECKS_PER_SECOND)} a second beside ${String(SIGN_INS_PER_SECOND)} sign-ins a second ` +
        `(aim: p99 ≤ 2 × calm)`,
    );
    for (let round = 1; round <= ROUNDS; round += 1) {
      const calm = await atRate(CHECKS_PER_SECOND, SECONDS, check);
      /** @type {Map<number, number>} */
      const statuses = new Map();
      let n = 0;
      const flooding = atRate(SIGN_INS_PER_SECOND, SECONDS, async () => {
        n += 1;
        const email = `u${String((n % 500) + 1)}@example.com`;
        const { status } = await signIn(bench.base, { tenant: 't', email, password: `wrong ${String(n)}` });
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
      });
      const flood = await atRate(CHECKS_PER_SECOND, SECONDS, check);
      await flooding;
      await clearFailures(bench);
      const at = (/** @type {number[]} */ ms) =>
        [50, 99].map((p) => `p${String(p)} ${percentile(ms, p).toFixed(1)} ms`).join('  ');
      const counts = [...statuses].sort().map(([status, times]) => `${String(status)}: ${String(times)}`);
      console.log(
        `  round ${String(round)}: calm ${at(calm)}   flood ${at(flood)}   ` +
          `p99 × ${(percentile(flood, 99) / percentile(calm, 99)).toFixed(2)}   sign-ins ${counts.join(', ')}`,
      );
    }
  } finally {
    await bench.end();
  }
}

/**
 * Starts `work` at a fixed rate, however long each takes, and resolves to how long they took.
 * @param {number} perSecond @param {number} seconds @param {() => Promise<unknown>} work
 */
async function atRate(perSecond, seconds, work) {
  /** @type {number[]} */
  const ms = [];
  /** @type {Promise<void>[]} */
  const running = [];
  const startedAt = performance.now();
  for (let n = 0; n < perSecond * seconds; n += 1) {
    const due = startedAt + (n * 1000) / perSecond;
    const wait = due - performance.now();
    if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
    running.push(work().then(() => void ms.push(performance.now() - due)));
  }
  await Promise.all(running);
  return ms;
}
