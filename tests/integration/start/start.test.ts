/**
 * `npm start` from the outside. The cases of the first block share one data directory, in a path with spaces, and follow
 * each other: what one leaves behind is what the next one finds.
 */
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';

import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';

import { findOnPath } from '../../../src/embedded/find-engine.js';
import { lookAtProcess, waitUntil } from '../../../src/embedded/process.js';
import { createPool } from '../../../src/platform/postgres.js';
import {
  buildOnce,
  environmentOf,
  makeScratch,
  operatorUrl,
  readExports,
  runToEnd,
  serverPids,
  startDevelopment,
} from './development.js';
import type { Development } from './development.js';

const scratch = makeScratch();
const dataDir = join(scratch, 'data of a test');
const env = environmentOf(dataDir);
const started: Development[] = [];

async function start(flags: readonly string[] = []): Promise<Development> {
  const development = startDevelopment(env, flags);
  started.push(development);
  await development.ready();
  return development;
}

async function stop(development: Development): Promise<void> {
  development.signal('SIGTERM');
  expect(await development.ended, development.output()).toBe(0);
}

beforeAll(buildOnce, 120_000);

afterAll(async () => {
  for (const development of started) development.signal('SIGTERM');
  await Promise.all(started.map(({ ended }) => ended));
  rmSync(scratch, { recursive: true, force: true });
});

async function query<Row>(variables: Record<string, string>, text: string): Promise<Row[]> {
  const pool = createPool(
    { url: operatorUrl(variables), role: undefined, max: 1, applicationName: 'test' },
    () => undefined,
  );
  try {
    return await pool.transaction(async (tx) => (await tx.query<Row>({ text })).rows);
  } finally {
    await pool.end();
  }
}

/** Asks with the service key whether the demo's administrator may assign roles, again while nothing is decided. */
async function isAllowed({
  BASE,
  SERVICE_KEY,
  ACTOR,
  TENANT_ID,
}: Record<string, string>): Promise<boolean | undefined> {
  let allowed: boolean | undefined;
  await waitUntil(async () => {
    const response = await fetch(`${BASE ?? ''}/api/v1/check`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${SERVICE_KEY ?? ''}` },
      body: JSON.stringify({ user: ACTOR, permission: 'users.update', tenant: TENANT_ID }),
    });
    ({ allowed } = (await response.json()) as { allowed?: boolean });
    return allowed !== undefined;
  }, 5_000);
  return allowed;
}

describe('one data directory, start after start', () => {
  let running: Development;
  let variables: Record<string, string>;

  test('nothing runs: `env` says so, and prints nothing that a shell would take', () => {
    expect(runToEnd(['env'], env)).toEqual({
      code: 1,
      stdout: '',
      stderr: 'bailiwick: nothing runs here: run `npm start` first\n',
    });
  });

  test('prints a box with curls to paste: one is allowed, one is denied, and one signs in', async () => {
    running = await start();
    const curls = [...running.output().matchAll(/^curl (?:.*\\\n)+.*$/gm)].map(([curl]) => curl);
    const answers = curls.map((curl) => spawnSync('/bin/sh', ['-c', curl], { encoding: 'utf8' }).stdout);
    const [first, second, signedIn] = answers.map((answer) => JSON.parse(answer) as Record<string, unknown>);
    expect([first?.['allowed'], second?.['allowed']]).toEqual([true, false]);
    expect(signedIn).toMatchObject({ accessToken: expect.any(String) as string, mustChangePassword: false });
    expect(running.output()).toMatch(/assign roles\? Allowed:[^]*May a viewer\? Denied:/);
    expect(running.output()).toContain('Development only');
    const consoleUrl = /\(or (http:\S+\/console\/sign-in\/acme)\)/.exec(running.output())?.[1] ?? '';
    expect(await (await fetch(consoleUrl)).text()).toContain('<div id="root">');
    expect(running.output()).toContain(`  mailbox         ${join(dataDir, 'mailbox')}`);
  });

  test('`env` prints everything that the documentation uses', () => {
    variables = readExports(env);
    expect(Object.keys(variables)).toEqual([
      ...['BASE', 'MANAGEMENT', 'ACTOR', 'ACTOR_EMAIL', 'ACTOR_PASSWORD', 'TENANT_ID', 'TENANT_SLUG'],
      ...['PLATFORM_ADMIN', 'PLATFORM_ADMIN_EMAIL', 'PLATFORM_ADMIN_PASSWORD', 'SERVICE_KEY'],
      ...['PGHOST', 'PGPORT', 'PGUSER', 'PGPASSWORD', 'PGDATABASE'],
      ...['OPENFGA_API_URL', 'OPENFGA_STORE_ID', 'OPENFGA_MODEL_ID'],
      ...['BAILIWICK_AUDIT_CHECKPOINT_FILE', 'BAILIWICK_AUDIT_PUBLIC_KEY'],
    ]);
    expect(variables['BASE']).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
  });

  test('the people of the box sign in, at the address of their tenant and as the platform', async () => {
    const signIn = (host: string, body: object) =>
      spawnSync(
        'curl',
        ['-sS', '-H', `host: ${host}`, '-H', 'content-type: application/json', '-d', JSON.stringify(body)].concat(
          `${variables['BASE'] ?? ''}/api/v1/auth/login`,
        ),
        { encoding: 'utf8' },
      ).stdout;
    const ada = { email: variables['ACTOR_EMAIL'], password: variables['ACTOR_PASSWORD'] };
    expect(JSON.parse(signIn('acme.localhost', ada))).toHaveProperty('accessToken');
    expect(JSON.parse(signIn('localhost', ada))).toMatchObject({ code: 'TENANT_ADDRESS_REQUIRED' });
    const priya = { email: variables['PLATFORM_ADMIN_EMAIL'], password: variables['PLATFORM_ADMIN_PASSWORD'] };
    expect(JSON.parse(signIn('localhost', { ...priya, tenant: 'platform' }))).toHaveProperty('accessToken');
    const keys = await fetch(`${variables['BASE'] ?? ''}/.well-known/jwks.json`);
    expect(((await keys.json()) as { keys: unknown[] }).keys).toHaveLength(1);
    const again = runToEnd(['bailiwick', 'platform-admin', 'bootstrap', '--email', 'x@example.com'], {
      ...env,
      ...variables,
    });
    expect(again).toMatchObject({ code: 1, stderr: 'bailiwick: there is a platform admin already\n' });
  });

  test('keeps what it writes down to itself', () => {
    for (const file of ['running.json', 'service.json', 'service.log']) {
      expect(statSync(join(dataDir, file)).mode & 0o077, file).toBe(0);
    }
  });

  test('the demo world is about forty people in a tenant of each preset, odd ones among them', async () => {
    const [counts] = await query(
      variables,
      `select (select array_agg(preset order by preset) from identity.tenant) as presets,
              count(*)::int as users,
              count(*) filter (where status = 'disabled')::int as disabled,
              count(*) filter (where tenant_id is not null and not exists (
                select from security.user_role r where r.user_id = u.id))::int as "withoutRole",
              count(*) filter (where (select count(*) from security.user_role r where r.user_id = u.id) > 1)::int as "withTwo"
       from security.app_user u`,
    );
    expect(counts).toEqual({ presets: ['emr', 'rcm', 'sales'], users: 40, disabled: 1, withoutRole: 2, withTwo: 2 });
  });

  test('the operator is neither superuser nor owner, and reads the audit', async () => {
    const [operator] = await query(
      variables,
      `select rolsuper, pg_has_role('bailiwick_owner', 'member') as owner from pg_roles where rolname = current_user`,
    );
    expect(operator).toEqual({ rolsuper: false, owner: false });
    await query(variables, `select actor_user_id, access_action, purpose, accessed_at from audit.access_log limit 50`);
    await query(variables, `select event_type, ts, details from identity.tenant_audit limit 50`);
  });

  test('a revocation in psql turns the answer within a moment', async () => {
    expect(await isAllowed(variables)).toBe(true);
    await query(variables, `update security.user_role set revoked_at = now() where user_id = 'user-ada'`);
    expect(await waitUntil(async () => (await isAllowed(variables)) === false, 2_000)).toBe(true);
  });

  test.each([[[]], [['--reset']]])(
    'a second start %j says where the first runs, and leaves it alone',
    async (flags) => {
      const second = runToEnd(['start', ...flags], env);
      expect(second.code).toBe(1);
      expect(second.stderr).toBe(
        `bailiwick: it runs already, at ${variables['BASE'] ?? ''} (process ${String(running.pid)}): stop that one first\n`,
      );
      expect(await isAllowed(variables)).toBe(false);
    },
  );

  test('SIGTERM stops everything in order; a second one in the same moment changes nothing', async () => {
    const pids = serverPids(dataDir);
    expect(lookAtProcess(pids.postgres)).toBeDefined();
    expect(lookAtProcess(pids.engine)).toBeDefined();
    running.signal('SIGINT');
    await stop(running);
    expect(running.output()).toMatch(/stopping …\nstopped\n$/);
    expect([pids.postgres, pids.engine].map(lookAtProcess)).toEqual([undefined, undefined]);
    expect(readdirSync(dataDir)).not.toContain('running.json');
    expect(runToEnd(['env'], env).code).toBe(1);
  });

  test('the next start finds the same data, and prints what holds now', async () => {
    running = await start();
    expect(running.output()).toMatch(/assign roles\? Denied:/);
    const { BASE, MANAGEMENT, ...kept } = variables;
    expect([BASE, MANAGEMENT]).not.toContain(undefined);
    variables = readExports(env);
    expect(variables).toMatchObject(kept);
    expect(await isAllowed(variables)).toBe(false);
  });

  test('after a kill -9 the next start cleans up, and tuples equal rows', async () => {
    await query(variables, `update security.user_role set revoked_at = null where user_id = 'user-ada'`);
    const orphans = serverPids(dataDir);
    running.signal('SIGKILL');
    await running.ended;
    expect(existsSync(join(dataDir, 'running.json'))).toBe(true);
    expect(runToEnd(['env'], env).code).toBe(1);
    running = await start();
    expect(lookAtProcess(orphans.postgres)).toBeUndefined();
    expect(lookAtProcess(orphans.engine)).toBeUndefined();
    variables = readExports(env);
    expect(await isAllowed(variables)).toBe(true);
    const reconciled = runToEnd(['bailiwick', 'reconcile', '--dry-run', '--json'], { ...env, ...variables });
    expect(JSON.parse(reconciled.stdout)).toMatchObject({ missing: 0, extra: 0, altered: 0 });
    expect(reconciled.code).toBe(0);
  });

  test('says which server ended by itself, and takes the rest down', async () => {
    const pids = serverPids(dataDir);
    process.kill(pids.engine, 'SIGKILL');
    expect(await running.ended).toBe(1);
    expect(running.output()).toMatch(
      /bailiwick: OpenFGA ended by itself \(ended by SIGKILL\): its log is `.*engine\.log`\n$/,
    );
    expect(lookAtProcess(pids.postgres)).toBeUndefined();
  });

  test('`--reset` deletes our data and nothing else; `--no-demo` leaves the database empty', async () => {
    writeFileSync(join(dataDir, 'notes.txt'), 'not ours');
    running = await start(['--reset', '--no-demo']);
    const fresh = readExports(env);
    expect(fresh['SERVICE_KEY']).not.toBe(variables['SERVICE_KEY']);
    expect(Object.keys(fresh)).not.toContain('ACTOR');
    expect(running.output()).toContain('The demo world is not in this database');
    expect(running.output()).not.toContain('signs in');
    const first = ['bailiwick', 'platform-admin', 'bootstrap', '--email', 'first@example.com', '--name', 'First'];
    expect(runToEnd(first, { ...env, ...fresh })).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^user id +\S+\none-time password +[0-9a-z-]{31} /) as string,
    });
    expect(await query(fresh, 'select id from identity.tenant')).toEqual([]);
    expect(readFileSync(join(dataDir, 'notes.txt'), 'utf8')).toBe('not ours');
    await stop(running);
  });
});

describe('refuses with a sentence', () => {
  const elsewhere = join(scratch, 'elsewhere');

  afterEach(() => expect(existsSync(elsewhere)).toBe(false));

  test('where there is no engine', () => {
    // Under root the accounts of the machine are asked for by `id`; of everything else there is nothing.
    const bin = join(scratch, 'bin');
    mkdirSync(bin);
    symlinkSync(findOnPath('id', process.env) ?? '', join(bin, 'id'));
    const cache = { BAILIWICK_OFFLINE: '1', BAILIWICK_CACHE_DIR: join(scratch, 'empty') };
    const bare = { ...cache, PATH: bin, BAILIWICK_OPENFGA_BIN: undefined };
    const { code, stderr } = runToEnd(['start'], environmentOf(elsewhere, bare));
    expect(stderr).toMatch(/^bailiwick: no OpenFGA server was found .*\n$/);
    expect(code).toBe(1);
  });

  test('in production', () => {
    const { code, stderr } = runToEnd(['start'], environmentOf(elsewhere, { NODE_ENV: 'production' }));
    expect(stderr).toMatch(/^bailiwick: this is for development, .*: run `bailiwick serve`\n$/);
    expect(code).toBe(1);
  });

  test('an option that it does not know', () => {
    const { code, stderr } = runToEnd(['start', '--resett'], environmentOf(elsewhere));
    expect(stderr).toMatch(/^bailiwick: Unknown option '--resett'/);
    expect(code).toBe(2);
  });

  test('to serve without settings, naming every fault at once', () => {
    const { code, stderr } = runToEnd(['bailiwick', 'serve'], { PATH: process.env['PATH'] });
    expect(stderr).toMatch(/DATABASE_URL is not set[^]*BAILIWICK_OPENFGA_URL is not set[^]*BAILIWICK_OPENFGA_STORE_ID/);
    expect(code).toBe(2);
  });
});
