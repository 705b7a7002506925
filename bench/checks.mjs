/**
 * `/check` by the second: what is kept beside OpenFGA with its caches on and beside a bare `node:http` echo, and what is
 * not kept beside OpenFGA without caches. Service, engines, echo and load generator are processes of their own.
 *
 * 20 tenants of 200 users, each asking 4 questions about themselves by a JWT of their own: 16,000 questions, a quarter
 * of them allowed. The decision log is on; after each run its rows are counted against the answers given.
 */
import { spawn } from 'node:child_process';
import { createPrivateKey, generateKeyPairSync, sign } from 'node:crypto';

import { findEngine } from '../dist/embedded/find-engine.js';
import { silentProgress } from '../dist/embedded/progress.js';
import { ENGINE_ROLE } from '../dist/embedded/stack-server.js';
import { at, cpuMicros, drawOrder, httpRequest, messageOf, putLoad, startProcess } from './load.mjs';
import { startService, until } from './service.mjs';
import { freePort, startBench } from './support.mjs';

const TENANTS = Number(process.env['BENCH_TENANTS'] ?? 20);
const USERS = 200;
const PERMISSIONS = ['claims.read', 'users.update', 'users.admin', 'config.write'];
const SECONDS = Number(process.env['BENCH_SECONDS'] ?? 8);
const CONNECTIONS = 32;
/** `warm` or `cold`: that part alone. */
const PART = process.env['BENCH_PART'];
const ISSUER = { issuer: 'https://bench.example', audience: 'bailiwick', algorithms: ['ES256'] };

/** @typedef {{ user: string, permission: string, tenant: string }} Question */
/** @typedef {{ name: string, port: number, pids: number[], requests: string[], logs: boolean }} Target */

export async function run() {
  const bench = await startBench();
  /** @type {(() => void)[]} */
  const ends = [];
  try {
    const permissions = await fill(bench);
    const questions = questionsOf(permissions);
    const { key, tokens } = makeTokens();
    const kept = await startService(bench, { ...trusting(key), BAILIWICK_DECISION_CACHE_ENTRIES: '100000' });
    ends.push(kept.end);
    const unkept = await startService(bench, { ...trusting(key), BAILIWICK_DECISION_CACHE_ENTRIES: '0' });
    ends.push(unkept.end);
    const cached = await startCachedEngine(bench);
    ends.push(cached.end);
    const echo = await startEcho();
    ends.push(echo.end);

    const ours = questions.map((body) =>
      httpRequest({ path: '/api/v1/check', body, headers: { authorization: `Bearer ${tokens.get(body.user) ?? ''}` } }),
    );
    const theirs = (/** @type {object} */ more) =>
      questions.map(({ user, permission, tenant }) =>
        httpRequest({
          path: `/stores/${bench.storeId}/check`,
          body: {
            tuple_key: { user: `user:${user}`, relation: permission, object: `tenant:${tenant}` },
            authorization_model_id: bench.modelId,
            ...more,
          },
        }),
      );
    const enginePort = Number(new URL(bench.engineUrl).port);
    /** @type {Targets} */
    const targets = {
      ours: { name: 'bailiwick, kept', port: kept.port, pids: [kept.pid], requests: ours, logs: true },
      openfga: { name: 'OpenFGA, its caches on', port: cached.port, pids: [cached.pid], requests: theirs({}), logs: false },
      echo: { name: 'bare node:http echo', port: echo.port, pids: [echo.pid], requests: ours, logs: false },
      oursCold: { name: 'bailiwick, cache off', port: unkept.port, pids: [unkept.pid], requests: ours, logs: true },
      openfgaCold: {
        name: 'OpenFGA, no caches', port: enginePort, pids: [bench.enginePid], logs: false,
        requests: theirs({ consistency: 'HIGHER_CONSISTENCY', context: { current_time: new Date().toISOString() } }),
      }, // prettier-ignore
    };
    console.log(`checks: ${String(ours.length)} questions, ${String(CONNECTIONS)} connections, ${String(SECONDS)} s a run; request log off everywhere`);
    if (PART !== 'cold') await measureKept(bench, { targets, kept });
    if (PART !== 'warm') await measureUnkept(bench, { targets, permissions });
  } finally {
    for (const end of ends) end();
    await bench.end();
  }
} // prettier-ignore

/** @typedef {Record<'ours' | 'openfga' | 'echo' | 'oursCold' | 'openfgaCold', Target>} Targets */
/** @typedef {Awaited<ReturnType<typeof startBench>>} Bench */

/** @param {Bench} bench @param {{ targets: Targets, kept: Awaited<ReturnType<typeof startService>> }} of */
async function measureKept(bench, { targets, kept }) {
  for (const target of [targets.ours, targets.openfga, targets.echo]) await warm(target);
  console.log(`  after warming: hit rate ${await kept.hitRate()}`);
  for (const kind of /** @type {const} */ (['zipf', 'uniform'])) {
    const order = drawOrder(kind, targets.ours.requests.length);
    const [mine, peer, floor] = [
      await measure(bench, targets.ours, { order, kind }),
      await measure(bench, targets.openfga, { order, kind }),
      await measure(bench, targets.echo, { order, kind }),
    ];
    console.log(`  warm, ${kind}: ${ratio(mine, peer)} × OpenFGA with caches (aim ≥ 3), ${ratio(mine, floor)} × echo (aim ≥ 0.5)`);
    console.log(`    hit rate ${await kept.hitRate()}`);
  }
} // prettier-ignore

/** @param {Bench} bench @param {{ targets: Targets, permissions: readonly string[] }} of */
async function measureUnkept(bench, { targets: { oursCold, openfgaCold }, permissions }) {
  const order = drawOrder('uniform', oursCold.requests.length);
  // Nearly every question comes with a token that was never seen: its signature is most of the work.
  const unseen = await measure(bench, oursCold, { order, kind: 'cold, new tokens' });
  await warm({ ...oursCold, requests: oursCold.requests.filter((_, index) => index % permissions.length === 0) });
  const cold = [await measure(bench, oursCold, { order, kind: 'cold' }), await measure(bench, openfgaCold, { order, kind: 'cold' })];
  const how = { order, kind: 'cold, 1 connection', connections: 1 };
  const one = [await measure(bench, oursCold, how), await measure(bench, openfgaCold, how)];
  console.log(
    `  cold: ${ratio(cold[0], cold[1])} × OpenFGA (aim ≥ 0.75), ${ratio(unseen, cold[1])} × where every token is new; ` +
      `p50 at one connection ${((one[0]?.p50 ?? 0) / (one[1]?.p50 ?? 1)).toFixed(2)} × (aim ≤ 1.25)`,
  );
} // prettier-ignore

async function startEcho() {
  const child = startProcess('echo.mjs');
  const { port } = /** @type {{ port: number }} */ (await messageOf(child));
  return { port, pid: child.pid ?? 0, end: () => void child.kill() };
}

/** @typedef {{ perSecond: number, p50: number }} Result */
/** @param {Result | undefined} a @param {Result | undefined} b */
const ratio = (a, b) => ((a?.perSecond ?? 0) / (b?.perSecond ?? 1)).toFixed(2);

/** Every request twice, so that who can keep something does. @param {Pick<Target, 'port' | 'requests'>} target */
async function warm({ port, requests }) {
  const order = requests.map((_, index) => index);
  for (let round = 0; round < 2; round += 1) {
    await putLoad({ host: '127.0.0.1', port, requests, order, connections: CONNECTIONS, ms: 600_000, count: order.length });
  }
} // prettier-ignore

/**
 * @param {Awaited<ReturnType<typeof startBench>>} bench @param {Target} target
 * @param {{ order: number[], kind: string, connections?: number }} how @returns {Promise<Result>}
 */
async function measure(bench, target, { order, kind, connections = CONNECTIONS }) {
  const rowsBefore = target.logs ? await bench.settledRows() : 0;
  const pids = { self: target.pids, postgres: [bench.postgresPid], engine: [bench.enginePid] };
  const before = Object.values(pids).map(cpuMicros);
  const sealing = process.cpuUsage();
  const { port, requests } = target;
  const load = await putLoad({ host: '127.0.0.1', port, requests, order, connections, ms: SECONDS * 1000 });
  const rows = target.logs ? (await bench.settledRows()) - rowsBefore : 0;
  const spent = Object.values(pids).map((of, index) => (cpuMicros(of) - (before[index] ?? 0)) / load.answers);
  // The service inside the bench is the one that seals, for all of them.
  const sealed = process.cpuUsage(sealing);
  const perSecond = load.answers / load.seconds;
  const [self = 0, postgres = 0, engine = 0] = spent;
  const refused = Object.entries(load.refused).map(([status, count]) => `${status}: ${String(count)}`);
  const logged = !target.logs ? '' : rows === load.answers ? `, ${String(rows)} rows = answers` : `, ${String(rows)} ROWS FOR ${String(load.answers)} ANSWERS`;
  console.log(
    `    ${target.name.padEnd(24)} ${kind.padEnd(20)} ${perSecond.toFixed(0).padStart(6)}/s  p50 ${at(load, 50).toFixed(2)} ms  p99 ${at(load, 99).toFixed(2)} ms  ` +
      `µs CPU: itself ${self.toFixed(0)}, Postgres ${postgres.toFixed(0)}, engine ${engine.toFixed(0)}, sealer ${((sealed.user + sealed.system) / load.answers).toFixed(0)}, load ${(load.cpuMicros / load.answers).toFixed(0)}` +
      `; ${((100 * load.allowed) / load.answers).toFixed(0)} % allowed${logged}${refused.length > 0 ? `; REFUSED ${refused.join(', ')}` : ''}`,
  );
  return { perSecond, p50: at(load, 50) };
} // prettier-ignore

/** @param {Awaited<ReturnType<typeof startBench>>} bench */
async function fill(bench) {
  for (let tenant = 0; tenant < TENANTS; tenant += 1) await bench.addTenant(`t${String(tenant)}`, 'rcm');
  await bench.sql(
    `insert into security.app_user (id, tenant_id, email)
     select 't' || t || '-u' || u, 't' || t, 't' || t || '-u' || u || '@example.com'
     from generate_series(0, $1 - 1) t, generate_series(0, $2 - 1) u`,
    [TENANTS, USERS],
  );
  await bench.sql(
    `insert into security.user_role (user_id, role_id)
     select 't' || t || '-u' || u, r.id from generate_series(0, $1 - 1) t, generate_series(0, $2 - 1) u,
       security.role r where r.tenant_id = 't' || t and r.name = 'BILLER'`,
    [TENANTS, USERS],
  );
  for (;;) {
    const [row] = /** @type {{ n: number }[]} */ (await bench.sql(`select count(*)::int as n from sync.outbox`));
    if (row?.n === 0) break;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  const has = /** @type {{ id: string, has: boolean }[]} */ (
    await bench.sql(
      `select p.id, exists (select from security.role_permission rp where rp.role_id = (select r.id from security.role r where r.tenant_id = 't0' and r.name = 'BILLER') and rp.permission_id = p.id) as has
       from security.permission p where p.id not like 'profile.%' and p.id not like 'record.%' order by p.id`,
    )
  );
  const yes = has.filter((each) => each.has).map(({ id }) => id);
  const no = has.filter((each) => !each.has).map(({ id }) => id);
  return [yes[0] ?? PERMISSIONS[0] ?? '', ...no.slice(0, 3)];
}

/** @param {readonly string[]} permissions @returns {Question[]} */
function questionsOf(permissions) {
  /** @type {Question[]} */
  const questions = [];
  for (let tenant = 0; tenant < TENANTS; tenant += 1) {
    for (let user = 0; user < USERS; user += 1) {
      for (const permission of permissions) {
        questions.push({ user: `t${String(tenant)}-u${String(user)}`, permission, tenant: `t${String(tenant)}` });
      }
    }
  }
  return questions;
}

/** @param {object} key */
const trusting = (key) => ({ BAILIWICK_TOKEN_ISSUERS: JSON.stringify([{ ...ISSUER, keys: [key] }]) });

function makeTokens() {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const key = { ...publicKey.export({ format: 'jwk' }), kid: 'bench', alg: 'ES256', use: 'sig' };
  const secret = createPrivateKey(privateKey.export({ format: 'pem', type: 'pkcs8' }));
  const part = (/** @type {object} */ value) => Buffer.from(JSON.stringify(value)).toString('base64url');
  /** @type {Map<string, string>} */
  const tokens = new Map();
  const iat = Math.floor(Date.now() / 1000);
  for (let tenant = 0; tenant < TENANTS; tenant += 1) {
    for (let user = 0; user < USERS; user += 1) {
      const sub = `t${String(tenant)}-u${String(user)}`;
      const claims = { iss: ISSUER.issuer, aud: ISSUER.audience, sub, tenant_id: `t${String(tenant)}`, iat, exp: iat + 36_000 };
      const input = `${part({ alg: 'ES256', typ: 'JWT', kid: 'bench' })}.${part(claims)}`;
      const signature = sign('sha256', Buffer.from(input), { key: secret, dsaEncoding: 'ieee-p1363' });
      tokens.set(sub, `${input}.${signature.toString('base64url')}`);
    }
  }
  return { key, tokens };
} // prettier-ignore

/** A second engine on the same data, with everything on that answers from memory, and for as long as the bench lasts. */
async function startCachedEngine(/** @type {Awaited<ReturnType<typeof startBench>>} */ bench) {
  const program = await findEngine({ env: process.env, dataDir: bench.dataDir, progress: silentProgress });
  const ports = { http: await freePort(), grpc: await freePort() };
  const { file, args, env } = program.run(
    {
      OPENFGA_DATASTORE_ENGINE: 'postgres',
      OPENFGA_DATASTORE_URI: `${bench.postgresUrl(ENGINE_ROLE)}?sslmode=disable`,
      OPENFGA_LOG_LEVEL: 'fatal',
      OPENFGA_METRICS_ENABLED: 'false',
      OPENFGA_PLAYGROUND_ENABLED: 'false',
      OPENFGA_CHECK_CACHE_LIMIT: '200000',
      OPENFGA_CHECK_QUERY_CACHE_ENABLED: 'true',
      OPENFGA_CHECK_QUERY_CACHE_TTL: '3600s',
      OPENFGA_CHECK_ITERATOR_CACHE_ENABLED: 'true',
      OPENFGA_CHECK_ITERATOR_CACHE_TTL: '3600s',
      OPENFGA_CACHE_CONTROLLER_ENABLED: 'true',
      OPENFGA_CACHE_CONTROLLER_TTL: '10s',
      OPENFGA_EXPERIMENTALS: 'weighted_graph_check',
      OPENFGA_DATASTORE_MAX_OPEN_CONNS: '60',
    },
    ports,
  );
  const child = spawn(file, [...args], { stdio: ['ignore', 'ignore', 'inherit'], env: { ...env } });
  await until(async () => (await fetch(`http://127.0.0.1:${String(ports.http)}/healthz`)).ok);
  return { port: ports.http, pid: child.pid ?? 0, end: () => child.kill('SIGTERM') };
} // prettier-ignore
