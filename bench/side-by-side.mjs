/**
 * Two versions side by side: replicas of an older one serve while the newer one's migrations run, are replaced one after
 * the other, taken back to the older one on the newer schema, and replaced again; checks and an administrator's changes
 * go on all the while. Aims: no request fails, tuples = rows, the audit log verifies. The older version is the commit in
 * BENCH_FROM, or else the last one before a migration came in.
 */
import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

import { failures, offer } from './open-loop.mjs';
import { balance, LOOK_MS, startService, until } from './service.mjs';
import { migrateTo, openOperator, startDatabase, storeIn } from './support.mjs';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const OURS = join(ROOT, 'bin/bailiwick.js');
const PER_SECOND = Number(process.env['BENCH_RATE'] ?? 200);

/** @param {string} command @param {string[]} args @param {object} [more] */
const call = (command, args, more = {}) =>
  execFileSync(command, args, { cwd: ROOT, encoding: 'utf8', stdio: 'pipe', ...more });

/** The older version, built, in a folder of its own. */
async function buildOlder() {
  const lastMigration = call('git', ['log', '-1', '--format=%H', '--diff-filter=A', '--', 'migrations']).trim();
  const commit = call('git', ['rev-parse', '--short', process.env['BENCH_FROM'] ?? `${lastMigration}^`]).trim();
  const folder = await mkdtemp(join(tmpdir(), 'bailiwick-older-'));
  const tree = join(folder, 'tree');
  call('git', ['worktree', 'add', '--detach', tree, commit]);
  const hasSameLock = call('git', ['diff', '--name-only', commit, '--', 'package-lock.json']) === '';
  if (hasSameLock) await symlink(join(ROOT, 'node_modules'), join(tree, 'node_modules'));
  else call('npm', ['ci', '--no-audit', '--no-fund'], { cwd: tree });
  call('npm', ['run', '-s', 'build'], { cwd: tree });
  const end = async () => {
    call('git', ['worktree', 'remove', '--force', tree]);
    await rm(folder, { recursive: true, force: true });
  };
  return { commit, tree, program: join(tree, 'bin/bailiwick.js'), end };
}

export async function run() {
  const older = await buildOlder();
  const { url: databaseUrl, stack, end } = await startDatabase(join(older.tree, 'migrations'));
  const operator = openOperator(databaseUrl);
  const bench = { databaseUrl, engineUrl: stack.engine.url, storeId: await storeIn(stack.engine.url) };
  const trusting = { BAILIWICK_TRUST_LOOPBACK: 'yes' };
  const replicas = [await startService(bench, trusting, older.program), await startService(bench, trusting, older.program)];
  const balancer = balance(replicas);
  try {
    /** @type {unknown} */
    const store = await import(pathToFileURL(join(older.tree, 'dist/directory/tenant-store.js')).href);
    const { insertTenant } = /** @type {typeof import('../dist/directory/tenant-store.js')} */ (store);
    await operator.transaction(async (tx) => {
      await insertTenant(tx, { id: 't', slug: 't', name: 't', preset: 'rcm' });
      await tx.query({ text: `insert into security.app_user (id, tenant_id, email) select n, 't', n || '@example.com' from unnest(array['ada', 'u']) n` });
      await tx.query({ text: `insert into security.user_role (user_id, role_id) values ('ada', 't.tenant_admin')` });
    });
    const as = { 'x-user-id': 'ada', 'x-tenant-id': 't' };
    await until(async () => (await fetch(`http://127.0.0.1:${String(balancer.port())}/api/v1/admin/roles`, { headers: as })).ok);

    const state = { isOver: false };
    const checks = offerUntil(state, { perSecond: PER_SECOND, port: balancer.port, ask: (n) => ({ path: '/api/v1/check', headers: as, body: { user: 'ada', permission: 'users.read', tenant: 't', ...(n % 4 === 0 ? { consistency: 'full' } : {}) } }) });
    const changes = offerUntil(state, { perSecond: 4, port: balancer.port, ask: (n) => ({ path: `/api/v1/admin/roles`, headers: as, body: { roleName: `ROLE_${String(process.pid)}_${String(changed += 1)}`, description: String(n) } }) });
    const replace = async (/** @type {string} */ program) => {
      for (const at of replicas.keys()) {
        await new Promise((resolve) => setTimeout(resolve, 2_000));
        await replicas[at]?.terminate();
        replicas[at] = await startService(bench, trusting, program);
        await new Promise((resolve) => setTimeout(resolve, 2 * LOOK_MS));
      }
    };
    const migrations = await migrateTo(databaseUrl);
    await replace(OURS);
    await replace(older.program);
    await replace(OURS);
    state.isOver = true;
    console.log(`side by side, from ${older.commit} (${migrations.join(', ')}), back, and again: of the checks ${failures(await checks, [200])}, of the changes ${failures(await changes, [201])} (aim 0)`);
    await until(async () => (await operator.transaction((tx) => tx.query({ text: 'select from sync.outbox limit 1' }))).rowCount === 0);
    const env = { ...process.env, DATABASE_URL: databaseUrl, BAILIWICK_OPENFGA_URL: bench.engineUrl, BAILIWICK_OPENFGA_STORE_ID: bench.storeId };
    for (const command of [['reconcile', '--dry-run'], ['audit', 'verify']]) console.log(`  ${command.join(' ')}: ${outcomeOf(command, env)}`);
  } finally {
    balancer.end();
    for (const replica of replicas) replica.end();
    await operator.end();
    await end();
    await older.end();
  }
} // prettier-ignore

let changed = 0;

/** @param {{ isOver: boolean }} state @param {Omit<Parameters<typeof offer>[0], 'ms'>} load */
async function offerUntil(state, load) {
  const answers = [];
  while (!state.isOver) answers.push(...(await offer({ ...load, ms: 1_000 })).answers);
  return answers;
}

/** @param {string[]} command @param {NodeJS.ProcessEnv} env */
function outcomeOf(command, env) {
  try {
    execFileSync(process.execPath, [OURS, ...command], { env, stdio: 'pipe' });
    return 'exit 0';
  } catch (error) {
    const { status, stdout } = /** @type {{ status: number, stdout: Buffer }} */ (error);
    return `exit ${String(status)}: ${stdout.toString()}`;
  }
}
