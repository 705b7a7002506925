/**
 * Three times what the service can answer, none of it kept: how much of its best it still answers, how late, and whether
 * liveness does; then one tenant at fifty times the rate of the others. Aims: goodput ≥ 80 % of the peak, p99 of what is
 * answered ≤ 5 ×, liveness p99 ≤ 50 ms; the others' p99 ≤ 2 ×.
 */
import { at, httpRequest, putLoad } from './load.mjs';
import { offer } from './open-loop.mjs';
import { startService } from './service.mjs';
import { percentile, startBench } from './support.mjs';

const SECONDS = Number(process.env['BENCH_SECONDS'] ?? 20);
const TENANTS = 20;
const RATE_OF_ONE = 10;

/** @param {readonly import('./open-loop.mjs').Answer[]} answers */
const answered = (answers) => answers.filter(({ status }) => status === 200).map(({ ms }) => ms);

export async function run() {
  const bench = await startBench();
  const service = await startService(bench);
  try {
    for (let n = 0; n < TENANTS; n += 1) {
      await bench.addTenant(`t${String(n)}`, 'rcm');
      await bench.sql(`insert into security.app_user (id, tenant_id, email) values ($1 || '-u', $1, $1 || '@example.com')`, [`t${String(n)}`]);
      await bench.sql(`insert into security.user_role (user_id, role_id) values ($1 || '-u', $1 || '.biller')`, [`t${String(n)}`]);
    }
    await bench.applied();
    await bench.standBack();
    const headers = { authorization: `Bearer ${bench.key}` };
    const question = (/** @type {number} */ n) => ({ path: '/api/v1/check', headers, body: { user: `t${String(n)}-u`, permission: 'claims.read', tenant: `t${String(n)}`, consistency: 'full' } });
    const port = () => service.port;
    const requests = Array.from({ length: TENANTS }, (_, n) => httpRequest(question(n)));
    const closed = { host: '127.0.0.1', port: service.port, requests, order: requests.map((_, n) => n), connections: 32 };
    await putLoad({ ...closed, ms: 3_000 });
    const peak = await putLoad({ ...closed, ms: (SECONDS * 1_000) / 2 });
    const best = peak.answers / peak.seconds;
    const before = service.peakMemory();
    const over = { perSecond: 3 * best, ms: SECONDS * 1_000, port, ask: (/** @type {number} */ n) => question(n % TENANTS) };
    const live = offer({ perSecond: 20, ms: SECONDS * 1_000, port: () => service.managementPort, ask: () => ({ path: '/livez' }) });
    const { answers, seconds } = await offer(over);
    const good = answered(answers);
    const goodput = good.length / seconds;
    console.log(`overload: peak ${best.toFixed(0)} checks/s asked of the engine, p99 ${at(peak, 99).toFixed(0)} ms; offered 3 × for ${String(SECONDS)} s, all answered after ${seconds.toFixed(1)} s`);
    console.log(`  answered ${goodput.toFixed(0)}/s: ${((100 * goodput) / best).toFixed(0)} % of the peak (aim ≥ 80), p99 ${percentile(good, 99).toFixed(0)} ms: ${(percentile(good, 99) / at(peak, 99)).toFixed(1)} × (aim ≤ 5); the rest ${JSON.stringify(statuses(answers))}`);
    console.log(`  /livez p99 ${percentile(answered((await live).answers), 99).toFixed(0)} ms (aim ≤ 50); the process held ${before.toFixed(0)} MiB at most at its peak, ${service.peakMemory().toFixed(0)} by now`);

    const others = () => offer({ perSecond: RATE_OF_ONE * (TENANTS - 1), ms: SECONDS * 500, port, ask: (n) => question(1 + (n % (TENANTS - 1))) });
    const calm = answered((await others()).answers);
    const noisy = offer({ perSecond: 50 * RATE_OF_ONE, ms: SECONDS * 500, port, ask: () => question(0) });
    const { answers: beside } = await others();
    const theirs = answered(beside);
    console.log(`fairness: ${String(TENANTS - 1)} tenants at ${String(RATE_OF_ONE)} checks/s each, p99 ${percentile(calm, 99).toFixed(0)} ms alone, ${percentile(theirs, 99).toFixed(0)} ms beside one at 50 ×: ${(percentile(theirs, 99) / percentile(calm, 99)).toFixed(2)} × (aim ≤ 2); theirs ${JSON.stringify(statuses(beside))}, its ${JSON.stringify(statuses((await noisy).answers))}`);
  } finally {
    service.end();
    await bench.end();
  }
} // prettier-ignore

/** @param {readonly import('./open-loop.mjs').Answer[]} answers */
function statuses(answers) {
  /** @type {Record<string, number>} */
  const counts = {};
  for (const { status } of answers) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
}
