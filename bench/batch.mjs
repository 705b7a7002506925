/**
 * A hundred questions in one `/batch-check` beside the same questions one by one, the engine asked for each of them
 * (`consistency: full`): microseconds an item, by the clock and by the processor.
 */
import { at, cpuMicros, httpRequest, putLoad } from './load.mjs';
import { startService } from './service.mjs';
import { startBench } from './support.mjs';

const USERS = 400;
const ITEMS = 100;
const SECONDS = Number(process.env['BENCH_SECONDS'] ?? 8);

export async function run() {
  const bench = await startBench();
  const service = await startService(bench);
  try {
    await bench.addTenant('t', 'rcm');
    await bench.sql(`insert into security.app_user (id, tenant_id, email)
      select 'u' || n, 't', 'u' || n || '@example.com' from generate_series(1, $1::int) n`, [USERS]);
    await bench.sql(`insert into security.user_role (user_id, role_id)
      select 'u' || n, 't.biller' from generate_series(1, $1::int, 2) n`, [USERS]);
    await bench.applied();
    const headers = { authorization: `Bearer ${bench.key}` };
    const questions = Array.from({ length: USERS }, (_, n) => ({ user: `u${String(n + 1)}`, permission: 'claims.read', tenant: 't' }));
    const singles = questions.map((body) => httpRequest({ path: '/api/v1/check', headers, body: { ...body, consistency: 'full' } }));
    const batches = Array.from({ length: USERS / ITEMS }, (_, n) =>
      httpRequest({
        path: '/api/v1/batch-check', headers,
        body: { checks: questions.slice(n * ITEMS, (n + 1) * ITEMS), consistency: 'full' },
      }),
    );
    console.log(`batch of ${String(ITEMS)} beside single checks, the engine asked for each (aim: at least 5 × fewer µs an item)`);
    /** @param {string} name @param {{ requests: string[], items: number, connections: number }} how */
    const measure = async (name, { requests, items, connections }) => {
      const order = requests.map((_, index) => index);
      const pids = { service: [service.pid], engine: [bench.enginePid], Postgres: [bench.postgresPid] };
      const before = Object.values(pids).map(cpuMicros);
      const load = await putLoad({ host: '127.0.0.1', port: service.port, requests, order, connections, ms: SECONDS * 1_000 });
      const answered = load.answers - Object.values(load.refused).reduce((sum, count) => sum + count, 0);
      const cpu = Object.entries(pids).map(([of, its], index) => [of, (cpuMicros(its) - (before[index] ?? 0)) / (answered * items)]);
      const micros = (load.seconds * 1e6) / (answered * items);
      const own = Number(cpu[0]?.[1] ?? 0);
      console.log(`  ${name.padEnd(34)} ${micros.toFixed(0).padStart(6)} µs an item; CPU: ${cpu.map(([of, each]) => `${String(of)} ${Number(each).toFixed(0)}`).join(', ')}; p50 of a request ${at(load, 50).toFixed(1)} ms${Object.keys(load.refused).length > 0 ? `; REFUSED ${JSON.stringify(load.refused)}` : ''}`);
      return { micros, own };
    };
    await measure('warming', { requests: singles, items: 1, connections: 4 });
    for (const connections of [1, 8]) {
      const beside = `${String(connections)} connection${connections === 1 ? '' : 's'}`;
      const single = await measure(`one by one, ${beside}`, { requests: singles, items: 1, connections });
      const batch = await measure(`by the hundred, ${beside}`, { requests: batches, items: ITEMS, connections });
      console.log(`  ${beside}: ${(single.micros / batch.micros).toFixed(1)} × fewer µs an item by the clock, ${(single.own / batch.own).toFixed(1)} × fewer of the service's own CPU`);
    }
  } finally {
    service.end();
    await bench.end();
  }
} // prettier-ignore
