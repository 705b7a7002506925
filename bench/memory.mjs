/**
 * What the service's heap holds after a collection while it answers on and on: a million checks about 100,000 subjects
 * (`BENCH_CHECKS`; ten million by `npm run soak`), asked alone and in batches, most of them about people whom nobody
 * knows. A service that forgets what it should is as large in the second half as in the first.
 */
import { drawOrder, httpRequest, putLoad } from './load.mjs';
import { startService } from './service.mjs';
import { startBench } from './support.mjs';

const CHECKS = Number(process.env['BENCH_CHECKS'] ?? 1_000_000);
const SUBJECTS = 100_000;
const TENANTS = 20;
const KNOWN = 100;
const SAMPLES = 20;
const BATCH = 20;
const PERMISSIONS = ['claims.read', 'users.update'];

export async function run() {
  const bench = await startBench();
  const service = await startService(bench);
  try {
    for (let tenant = 0; tenant < TENANTS; tenant += 1) await bench.addTenant(`t${String(tenant)}`, 'rcm');
    await bench.sql(`insert into security.app_user (id, tenant_id, email)
      select 's' || n, 't' || n % $1::int, 's' || n || '@example.com' from generate_series(0, $2::int - 1) n`, [TENANTS, TENANTS * KNOWN]);
    await bench.sql(`insert into security.user_role (user_id, role_id)
      select 's' || n, 't' || n % $1::int || '.biller' from generate_series(0, $2::int - 1) n`, [TENANTS, TENANTS * KNOWN]);
    await bench.applied();
    const headers = { authorization: `Bearer ${bench.key}` };
    const question = (/** @type {number} */ at) => ({ user: `s${String(at)}`, permission: PERMISSIONS[at % 2] ?? '', tenant: `t${String(at % TENANTS)}` });
    const single = (/** @type {number} */ at) => httpRequest({ path: '/api/v1/check', headers, body: question(at) });
    const batch = (/** @type {number} */ at) =>
      httpRequest({ path: '/api/v1/batch-check', headers, body: { checks: Array.from({ length: BATCH }, (_, n) => question((at + n * 31) % SUBJECTS)) } });
    /** Of 50 requests one is a batch, so that 2 of 7 checks are asked in one. */
    const requests = Array.from({ length: SUBJECTS }, (_, at) => (at % 50 === 0 ? batch(at) : single(at)));
    const perRequest = 1 + (BATCH - 1) / 50;
    const order = drawOrder('zipf', SUBJECTS);
    const each = Math.round(CHECKS / SAMPLES / perRequest);
    console.log(`memory: ${String(CHECKS)} checks about ${String(SUBJECTS)} subjects, Zipf; heap after a collection (aim: the second half within 10 % of the first)`);
    /** @type {number[]} */
    const mib = [];
    const startedAt = performance.now();
    let refused = 0;
    for (let sample = 0; sample < SAMPLES; sample += 1) {
      const from = (sample * each) % order.length;
      const turned = [...order.slice(from), ...order.slice(0, from)];
      const load = await putLoad({ host: '127.0.0.1', port: service.port, requests, order: turned, connections: 16, ms: 3_600_000, count: each });
      refused += Object.values(load.refused).reduce((sum, count) => sum + count, 0);
      mib.push((await service.heapUsed()) / 2 ** 20);
    }
    const mean = (/** @type {number[]} */ of) => of.reduce((sum, value) => sum + value, 0) / of.length;
    const [first, second] = [mean(mib.slice(0, SAMPLES / 2)), mean(mib.slice(SAMPLES / 2))];
    console.log(`  MiB: ${mib.map((value) => value.toFixed(0)).join(' ')}; hit rate ${await service.hitRate()}; ${((performance.now() - startedAt) / 1000).toFixed(0)} s; ${String(refused)} refused`);
    console.log(`  second half ${(second / first).toFixed(3)} × the first (${second.toFixed(1)} and ${first.toFixed(1)} MiB)`);
  } finally {
    service.end();
    await bench.end();
  }
} // prettier-ignore
