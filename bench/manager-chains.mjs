/**
 * What depth and width of teams cost: a check through 1, 5 and 20 levels of managers, and the list of a team of 10,000.
 * `TEAM` says how many reps.
 */
import { report, startBench, timed } from './support.mjs';

const TRIES = 200;
const TEAM = Number(process.env['TEAM'] ?? 10_000);

export async function run() {
  const bench = await startBench();
  try {
    for (const levels of [1, 5, 20]) await chainOf(levels, bench);
    for (const reps of [TEAM / 10, TEAM]) await teamOf(reps, bench);
  } finally {
    await bench.end();
  }
}

/** @typedef {Awaited<ReturnType<typeof startBench>>} Bench */

/** @param {number} levels @param {Bench} bench */
async function chainOf(levels, bench) {
  const tenant = `chain${String(levels)}`;
  await bench.addTenant(tenant, 'sales');
  await bench.sql(
    `insert into security.app_user (id, tenant_id, email)
     select $1 || '.' || n, $1, n || '@example.com' from generate_series(0, $2::int) n`,
    [tenant, levels],
  );
  await bench.sql(`insert into security.user_role (user_id, role_id) values ($1 || '.0', $1 || '.manager')`, [tenant]);
  await bench.sql(
    `insert into security.user_assignment (tenant_id, user_id, assigned_user_id)
     select $1, $1 || '.' || n, $1 || '.' || (n + 1) from generate_series(0, $2::int - 1) n`,
    [tenant, levels],
  );
  await bench.sql(
    `insert into security.record (tenant_id, id, owner_user_id) values ($1, 'deal', $1 || '.' || $2::int)`,
    [tenant, levels],
  );
  await bench.applied();
  /** @type {import('./support.mjs').Question} the engine itself is asked, not what is kept of it */
  const question = {
    user: `${tenant}.0`,
    permission: 'record.read',
    tenant,
    object: 'record:deal',
    consistency: 'full',
  };
  if (!(await bench.check(question))) throw new Error('the manager does not reach the record');
  const ms = [];
  for (let attempt = 0; attempt < TRIES; attempt += 1) ms.push(await timed(() => bench.check(question)));
  report(`/check of a record, ${String(levels)} levels down`, ms);
}

/** @param {number} reps @param {Bench} bench */
async function teamOf(reps, bench) {
  const tenant = `team${String(reps)}`;
  await bench.addTenant(tenant, 'sales');
  await bench.sql(
    `insert into security.app_user (id, tenant_id, email)
     select $1 || '.' || n, $1, n || '@example.com' from generate_series(0, $2::int) n`,
    [tenant, reps],
  );
  await bench.sql(`insert into security.user_role (user_id, role_id) values ($1 || '.0', $1 || '.manager')`, [tenant]);
  const inserted = await timed(() =>
    bench.sql(
      `insert into security.user_assignment (tenant_id, user_id, assigned_user_id)
       select $1, $1 || '.0', $1 || '.' || n from generate_series(1, $2::int) n`,
      [tenant, reps],
    ),
  );
  const applied = await timed(() => bench.applied());
  console.log(
    `team of ${String(reps)}: inserted in ${(inserted / 1000).toFixed(1)} s, in force after ${(applied / 1000).toFixed(1)} s`,
  );
  const question = { user: `${tenant}.0`, permission: 'profile.read', tenant };
  const ms = [];
  for (let attempt = 0; attempt < TRIES; attempt += 1) {
    const object = `profile:${tenant}.${String(1 + ((attempt * 7919) % reps))}`;
    ms.push(await timed(() => bench.check({ ...question, object })));
  }
  report(`/check of a profile in a team of ${String(reps)}`, ms);
  const startedAt = performance.now();
  const { count, pages } = await bench.listAll({ ...question, type: 'profile' });
  const seconds = (performance.now() - startedAt) / 1000;
  if (count !== reps + 1) throw new Error(`${String(count)} of ${String(reps + 1)} were listed`);
  console.log(`  all ${String(count)} profiles listed in ${seconds.toFixed(1)} s`);
  report('  a page of 1,000', pages);
}
