/**
 * A whole tenant's records, listed page by page by somebody who may read all of them: how long it takes, and what it
 * does to memory. `RECORDS` says how many.
 */
import { report, startBench, timed } from './support.mjs';

const RECORDS = Number(process.env['RECORDS'] ?? 100_000);

export async function run() {
  const bench = await startBench();
  try {
    await bench.addTenant('t', 'sales');
    await bench.sql(`insert into security.app_user (id, tenant_id, email)
      select 'u' || n, 't', 'u' || n || '@example.com' from generate_series(0, 100) n`);
    await bench.sql(`insert into security.user_role (user_id, role_id) values ('u0', 't.admin')`);
    const inserted = await timed(() =>
      bench.sql(
        `insert into security.record (tenant_id, id, owner_user_id)
         select 't', 'r' || n, 'u' || n % 100 + 1 from generate_series(1, $1::int) n`,
        [RECORDS],
      ),
    );
    const applied = await timed(() => bench.applied());
    console.log(
      `${String(RECORDS)} records: inserted in ${(inserted / 1000).toFixed(1)} s, in force after ${(applied / 1000).toFixed(1)} s`,
    );
    const question = { user: 'u0', permission: 'record.read', tenant: 't', type: 'record' };
    await bench.check({ user: 'u0', permission: 'record.read', tenant: 't', object: 'record:r1' });
    globalThis.gc?.();
    const heapBefore = process.memoryUsage().heapUsed;
    let heapMax = heapBefore;
    const watch = setInterval(() => {
      heapMax = Math.max(heapMax, process.memoryUsage().heapUsed);
    }, 50);
    const startedAt = performance.now();
    const { count, pages } = await bench.listAll(question);
    const ms = performance.now() - startedAt;
    clearInterval(watch);
    if (count !== RECORDS) throw new Error(`${String(count)} of ${String(RECORDS)} were listed`);
    console.log(`all ${String(count)} listed in ${(ms / 1000).toFixed(1)} s (aim: 100,000 in 60 s)`);
    report('a page of 1,000', pages);
    const mib = (/** @type {number} */ bytes) => (bytes / 2 ** 20).toFixed(0);
    console.log(`  heap before ${mib(heapBefore)} MiB, at most ${mib(heapMax)} MiB`);
  } finally {
    await bench.end();
  }
}
