/**
 * From the commit of a row by psql's hand to the answer that it changes, beside what the engine alone takes to write
 * and to check. Each try assigns or revokes, then asks `/check` again and again until the answer has turned.
 */
import { report, startBench, timed } from './support.mjs';

const TRIES = 500;

export async function run() {
  const bench = await startBench();
  try {
    await bench.addTenant('t', 'rcm');
    await bench.sql(`insert into security.app_user (id, tenant_id, email) values ('u', 't', 'u@example.com')`);
    /** @type {Record<'assign' | 'revoke' | 'engineWrite' | 'engineCheck' | 'check', number[]>} */
    const ms = { assign: [], revoke: [], engineWrite: [], engineCheck: [], check: [] };
    const question = { user: 'u', permission: 'claims.read', tenant: 't' };
    const tuple = { user: 'user:bare', relation: 'a', object: 'role:t/t.biller' };
    for (let attempt = 0; attempt < TRIES; attempt += 1) {
      const granting = attempt % 2 === 0;
      await bench.sql(
        granting
          ? `insert into security.user_role (user_id, role_id) values ('u', 't.biller')`
          : `update security.user_role set revoked_at = now() where user_id = 'u' and revoked_at is null`,
      );
      const turned = await timed(async () => {
        while ((await bench.check(question)) !== granting);
      });
      ms[granting ? 'assign' : 'revoke'].push(turned);
      ms.check.push(await timed(() => bench.check(question)));
      const change = granting ? { writes: [tuple], deletes: [] } : { writes: [], deletes: [tuple] };
      ms.engineWrite.push(await timed(() => bench.engine.write(change, { timeoutMs: 3_000 })));
      const bare = { user: 'user:bare', relation: 'claims.read', object: 'tenant:t', at: new Date() };
      ms.engineCheck.push(await timed(() => bench.engine.check(bare, { timeoutMs: 3_000 })));
      // Writers do not commit in step with the projector's poll.
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 30));
    }
    console.log('commit of a row → answer of /check (aim: p50 ≤ 40 ms, p99 ≤ 200 ms)');
    report('assignment → allowed', ms.assign);
    report('revocation → denied', ms.revoke);
    report('one /check', ms.check);
    report('the engine alone: one Write', ms.engineWrite);
    report('the engine alone: one Check', ms.engineCheck);
  } finally {
    await bench.end();
  }
}
