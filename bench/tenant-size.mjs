/**
 * What a check costs in a small tenant and in a large one, everybody in it holding a role: asked of the engine each time,
 * one after the other, and answered from memory. `BENCH_USERS` is the size of the largest.
 */
import { at, httpRequest, putLoad } from './load.mjs';
import { startService } from './service.mjs';
import { startBench } from './support.mjs';

const SIZES = [10, 1_000, Number(process.env['BENCH_USERS'] ?? 100_000)];
const SECONDS = Number(process.env['BENCH_SECONDS'] ?? 5);
const ASKED = 500;
const ROUNDS = 3;

export async function run() {
  const bench = await startBench();
  const service = await startService(bench);
  try {
    for (const size of SIZES) {
      const tenant = `t${String(size)}`;
      await bench.addTenant(tenant, 'rcm');
      await bench.sql(`insert into security.app_user (id, tenant_id, email)
        select $1 || '-u' || n, $1, $1 || '-u' || n || '@example.com' from generate_series(0, $2::int - 1) n`, [tenant, size]);
      await bench.sql(`insert into security.user_role (user_id, role_id)
        select $1 || '-u' || n, $1 || '.biller' from generate_series(0, $2::int - 1) n`, [tenant, size]);
    }
    await bench.applied();
    console.log('a check in tenants of several sizes (aim: within 1.5 × of each other)');
    const headers = { authorization: `Bearer ${bench.key}` };
    for (const how of /** @type {const} */ (['asked of the engine', 'kept'])) {
      const more = how === 'kept' ? {} : { consistency: 'full' };
      const connections = how === 'kept' ? 8 : 1;
      /** @type {Map<number, number[]>} */
      const found = new Map(SIZES.map((size) => [size, []]));
      // In turns, so that what else the machine does falls on all of them.
      for (let round = 0; round < ROUNDS; round += 1) {
        for (const size of SIZES) {
          const requests = Array.from({ length: Math.min(size, ASKED) }, (_, n) =>
            httpRequest({
              path: '/api/v1/check', headers,
              body: { user: `t${String(size)}-u${String(Math.floor((n * size) / Math.min(size, ASKED)))}`, permission: n % 2 === 0 ? 'claims.read' : 'users.admin', tenant: `t${String(size)}`, ...more },
            }),
          );
          const order = requests.map((_, index) => index);
          const where = { host: '127.0.0.1', port: service.port, requests, order, connections };
          await putLoad({ ...where, ms: 60_000, count: 2 * order.length });
          const load = await putLoad({ ...where, ms: (SECONDS * 1_000) / ROUNDS });
          if (Object.keys(load.refused).length > 0) console.log(`  REFUSED ${JSON.stringify(load.refused)}`);
          found.get(size)?.push(at(load, 50));
        }
      }
      const best = [...found].map(([size, p50s]) => ({ size, ms: Math.min(...p50s) }));
      const [least, most] = [Math.min(...best.map(({ ms }) => ms)), Math.max(...best.map(({ ms }) => ms))];
      console.log(`  ${how.padEnd(20)} p50 ${best.map(({ size, ms }) => `${String(size)} users ${ms.toFixed(2)} ms`).join(', ')}: ${(most / least).toFixed(2)} ×`);
    }
  } finally {
    service.end();
    await bench.end();
  }
} // prettier-ignore
