/**
 * Revocations in one tenant while 100,000 assignments, written in one statement, are being projected in another.
 */
import { report, startBench, timed } from './support.mjs';

const ROWS = 100_000;
const USERS = 2_000;

export async function run() {
  const bench = await startBench();
  try {
    await bench.addTenant('big', 'rcm');
    await bench.addTenant('small', 'rcm');
    await bench.sql(
      `insert into security.app_user (id, tenant_id, email)
       select 'b' || n, 'big', 'b' || n || '@example.com' from generate_series(1, $1) n`,
      [USERS],
    );
    await bench.sql(
      `insert into security.role (id, tenant_id, name) select 'r' || n, 'big', 'ROLE_' || n from generate_series(1, $1) n`,
      [ROWS / USERS],
    );
    await bench.sql(`insert into security.app_user (id, tenant_id, email) values ('s', 'small', 's@example.com')`);
    await waitUntilEmpty(bench);
    console.log(`revocation in one tenant during a load of ${String(ROWS)} rows in another (aim: p99 ≤ 500 ms)`);
    const loadedAt = performance.now();
    const insert = await timed(() =>
      bench.sql(
        `insert into security.user_role (user_id, role_id)
         select 'b' || u, 'r' || r from generate_series(1, $1) u, generate_series(1, $2) r`,
        [USERS, ROWS / USERS],
      ),
    );
    /** @type {number[]} */
    const ms = [];
    while ((await pending(bench)) > 500) {
      await bench.sql(`insert into security.user_role (user_id, role_id) values ('s', 'small.biller')`);
      const question = { user: 's', permission: 'claims.read', tenant: 'small' };
      while (!(await bench.check(question)));
      await bench.sql(`update security.user_role set revoked_at = now() where user_id = 's' and revoked_at is null`);
      ms.push(
        await timed(async () => {
          while (await bench.check(question));
        }),
      );
    }
    await waitUntilEmpty(bench);
    const took = performance.now() - loadedAt;
    report('revocation → denied, during the load', ms);
    console.log(
      `  the load: insert ${(insert / 1000).toFixed(1)} s, in force after ${(took / 1000).toFixed(1)} s ` +
        `(${(ROWS / (took / 1000)).toFixed(0)} rows/s)`,
    );
  } finally {
    await bench.end();
  }
}

/** @param {Awaited<ReturnType<typeof startBench>>} bench */
async function pending(bench) {
  const [row] = /** @type {{ n: number }[]} */ (
    await bench.sql(`select count(*)::int as n from (select from sync.outbox limit 1000) o`)
  );
  return row?.n ?? 0;
}

/** @param {Awaited<ReturnType<typeof startBench>>} bench */
async function waitUntilEmpty(bench) {
  while ((await pending(bench)) > 0) await new Promise((resolve) => setTimeout(resolve, 20));
}
