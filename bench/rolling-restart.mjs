/**
 * Two replicas, each ended by SIGTERM and started anew in turn, at a steady rate of checks through what a load balancer
 * does. Aim: no request fails.
 */
import { failures, offer } from './open-loop.mjs';
import { balance, LOOK_MS, startService, until } from './service.mjs';
import { startBench } from './support.mjs';

const PER_SECOND = Number(process.env['BENCH_RATE'] ?? 200);

export async function run() {
  const bench = await startBench();
  const replicas = [await startService(bench), await startService(bench)];
  await bench.addTenant('t', 'rcm');
  await bench.sql(`insert into security.app_user (id, tenant_id, email) values ('u', 't', 'u@example.com')`);
  await bench.sql(`insert into security.user_role (user_id, role_id) values ('u', 't.biller')`);
  await bench.applied();
  const balancer = balance(replicas);
  try {
    const state = { isOver: false };
    const ask = () => ({ path: '/api/v1/check', headers: { authorization: `Bearer ${bench.key}` }, body: { user: 'u', permission: 'claims.read', tenant: 't' } });
    const restarting = (async () => {
      for (const at of replicas.keys()) {
        await new Promise((resolve) => setTimeout(resolve, 2_000));
        await replicas[at]?.terminate();
        replicas[at] = await startService(bench);
        await until(async () => (await replicas[at]?.isReady()) === true);
        await new Promise((resolve) => setTimeout(resolve, 2 * LOOK_MS));
      }
      state.isOver = true;
    })();
    const answers = [];
    while (!state.isOver) answers.push(...(await offer({ perSecond: PER_SECOND, ms: 1_000, port: balancer.port, ask })).answers);
    await restarting;
    console.log(`rolling restart of two replicas at ${String(PER_SECOND)} checks/s: ${failures(answers, [200])} (aim 0)`);
  } finally {
    balancer.end();
    for (const replica of replicas) replica.end();
    await bench.end();
  }
} // prettier-ignore
