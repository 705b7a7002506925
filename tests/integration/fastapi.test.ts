/**
 * The FastAPI example: the sales template's three routes, as its document prints them, on the real service.
 *
 * Where there is no Python the example is not tested, and the output says so.
 */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { findPython, pythonFor, startProgram } from '../support/python.js';
import type { RunningProgram } from '../support/python.js';
import { startService } from '../support/service.js';
import type { RunningService } from '../support/service.js';
import { addPerson, claimsOf, emailOf, tokenOf } from '../support/sign-in-world.js';
import { startProxy, targetOf } from '../support/tcp-proxy.js';
import type { TcpProxy } from '../support/tcp-proxy.js';
import { createWorld } from '../support/world.js';
import type { World } from '../support/world.js';

const FOLDER = fileURLToPath(new URL('../../examples/fastapi', import.meta.url));
const textOf = (name: string): string => readFileSync(`${FOLDER}/${name}`, 'utf8');

/** As the document prints them; its print has lost the indentation. */
const PRINTED = [
  `@router.get("/users")
def list_all_users(auth: ServiceAuthContext = Depends(get_auth_context)):
if "admin" not in auth.roles:
raise HTTPException(403, detail="Admin access required")
# Admins can see all users in their tenant
return get_users_by_tenant(conn, auth.tenant_id)`,
  `@router.get("/my-team")
def get_my_team(auth: ServiceAuthContext = Depends(get_auth_context)):
# Managers can only see their assigned reps
if not auth.managed_user_ids:
return []
stmt = select(User).where(User.id.in_(auth.managed_user_ids))
return conn.execute(stmt).scalars().all()`,
  `@router.get("/my-profile")
def get_my_profile(auth: ServiceAuthContext = Depends(get_auth_context)):
# Reps can only see their own data
return get_user_by_id(conn, auth.user_id)`,
];

test('the example holds the routes as printed, and no other', () => {
  const code = textOf('main.py').replaceAll(/^[ \t]+/gm, '');
  for (const route of PRINTED) expect(code).toContain(`\n${route}\n`);
  expect(code.match(/^@/gm)).toHaveLength(PRINTED.length);
});

test('its packages are pinned to one version each, and come from no address', () => {
  const lines = textOf('requirements.txt').trim().split('\n');
  expect(lines.filter((line) => !/^[A-Za-z0-9_.-]+==[0-9][0-9A-Za-z.]*$/.test(line))).toEqual([]);
});

const python = await findPython();
if (python === undefined) {
  process.stderr.write('\nNOT TESTED: examples/fastapi needs Python 3.10 or later with venv, and there is none here\n');
}

describe.skipIf(python === undefined)('on the real service', () => {
  let world: World;
  let service: RunningService;
  let way: TcpProxy;
  let example: RunningProgram;
  let base: string;
  const tokens = new Map<string, string>();
  const PEOPLE = { boss: ['admin'], lena: ['manager'], rene: ['rep'], rosa: ['rep'], otto: ['rep'], mara: ['manager'] };

  beforeAll(async () => {
    world = await createWorld();
    await world.addTenant('acme', 'sales');
    await world.addTenant('globex', 'sales');
    service = await startService(world, { requestTimeoutMs: 10_000 });
    for (const [userId, roles] of Object.entries(PEOPLE)) await addPerson(world, { tenantId: 'acme', userId, roles });
    await addPerson(world, { tenantId: 'globex', userId: 'gil', roles: ['admin'] });
    await world.sql(
      `insert into user_assignments (user_id, assigned_user_id, tenant_id)
       values ('lena', 'rene', 'acme'), ('lena', 'rosa', 'acme')`,
    );
    for (const [userId, tenant] of [
      ...Object.keys(PEOPLE).map((id) => [id, 'acme'] as const),
      ['gil', 'globex'] as const,
    ]) {
      tokens.set(userId, await tokenOf(service, { tenant, email: emailOf(userId) }));
    }
    way = await startProxy(targetOf(service.base));
    if (python === undefined) throw new Error('there is no Python');
    const program = await pythonFor(FOLDER, python);
    const port = await freePort();
    base = `http://127.0.0.1:${String(port)}`;
    const database = new URL(world.databaseUrl);
    example = await startProgram(program, ['-m', 'uvicorn', 'main:app', '--port', String(port)], {
      cwd: FOLDER,
      env: {
        ...process.env,
        BASE: `http://127.0.0.1:${String(way.port)}`,
        SERVICE_KEY: await service.addKey(undefined),
        BAILIWICK_TIMEOUT_SECONDS: '8',
        PGHOST: database.hostname,
        PGPORT: database.port,
        PGUSER: decodeURIComponent(database.username),
        PGPASSWORD: decodeURIComponent(database.password),
        PGDATABASE: database.pathname.slice(1),
        PGOPTIONS: '-c role=bailiwick_operator',
      },
      until: /Uvicorn running on/,
    });
  }, 300_000);
  afterAll(async () => {
    await example.stop();
    await way.stop();
    await service.stop();
    await world.end();
  });

  const get = async (path: string, userId?: string): Promise<{ status: number; body: unknown }> => {
    const token = userId === undefined ? undefined : (tokens.get(userId) ?? userId);
    const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const response = await fetch(base + path, { headers });
    return { status: response.status, body: await response.json() };
  };
  /** The ids that an answer names, or its status. */
  const idsOf = ({ status, body }: { status: number; body: unknown }): unknown =>
    status === 200 && Array.isArray(body) ? body.map(({ id }: { id: string }) => id).sort() : status;

  test('/users: an admin sees all users of their tenant, and nobody of another', async () => {
    expect(idsOf(await get('/users', 'boss'))).toEqual(Object.keys(PEOPLE).sort());
    expect(idsOf(await get('/users', 'gil'))).toEqual(['gil']);
  });

  test('/users: anybody else hears "Admin access required"', async () => {
    for (const userId of ['lena', 'rene']) {
      expect(await get('/users', userId)).toEqual({ status: 403, body: { detail: 'Admin access required' } });
    }
  });

  test('/my-team: a manager sees the reps assigned to them, and who has none sees nobody', async () => {
    expect(idsOf(await get('/my-team', 'lena'))).toEqual(['rene', 'rosa']);
    for (const userId of ['mara', 'rene', 'boss']) expect(idsOf(await get('/my-team', userId))).toEqual([]);
  });

  test('/my-profile: everybody sees their own', async () => {
    expect(await get('/my-profile', 'rene')).toMatchObject({
      status: 200,
      body: { id: 'rene', email: 'rene@example.com', tenant_id: 'acme' },
    });
  });

  test('what changes counts at once, with the token from before', async () => {
    await world.sql(`update user_roles set role_id = 'rep' where user_id = 'lena'`);
    expect(claimsOf(tokens.get('lena') ?? '')).toMatchObject({ roles: ['manager'] });
    expect(idsOf(await get('/my-team', 'lena'))).toEqual([]);
    await world.sql(`update user_roles set role_id = 'manager' where user_id = 'lena'`);
    await world.sql(
      `insert into user_assignments (user_id, assigned_user_id, tenant_id) values ('rosa', 'otto', 'acme')`,
    );
    // Hierarchical: whoever is below somebody below.
    expect(idsOf(await get('/my-team', 'lena'))).toEqual(['otto', 'rene', 'rosa']);
    await world.sql(`insert into user_roles (user_id, role_id, tenant_id) values ('rene', 'admin', 'acme')`);
    expect((await get('/users', 'rene')).status).toBe(200);
    await world.sql(`delete from user_roles where user_id = 'rene' and role_id = 'admin'`);
    expect((await get('/users', 'rene')).status).toBe(403);
  });

  test('a team of more than a hundred is there whole', async () => {
    await world.sql(
      `insert into security.app_user (id, tenant_id, email)
       select 'many-' || n, 'acme', 'many-' || n || '@example.com' from generate_series(1, 101) n`,
    );
    await world.sql(
      `insert into security.user_assignment (tenant_id, user_id, assigned_user_id)
       select 'acme', 'mara', 'many-' || n from generate_series(1, 101) n`,
    );
    await service.settle();
    expect((await service.post<object>('/auth/introspect', { token: tokens.get('mara') })).body).toMatchObject({
      managed_user_ids_omitted: true,
    });
    expect(idsOf(await get('/my-team', 'mara'))).toHaveLength(101);
  });

  test('nobody passes without a token that is active: 401', async () => {
    for (const path of ['/users', '/my-team', '/my-profile']) {
      expect((await get(path)).status).toBe(401);
      expect((await get(path, 'garbage')).status).toBe(401);
    }
    await world.sql(`update security.app_user set status = 'disabled' where id = 'otto'`);
    expect((await get('/my-profile', 'otto')).status).toBe(401);
  });

  test('nobody passes while the service is away: 503', async () => {
    for (const mode of ['refuse', 'reset'] as const) {
      await way.set(mode);
      for (const path of ['/users', '/my-team', '/my-profile']) expect((await get(path, 'boss')).status).toBe(503);
    }
    await way.set('pass');
    expect((await get('/users', 'boss')).status).toBe(200);
  });

  test('an admin of all tenants reads the one that their token speaks for', async () => {
    await world.sql(`insert into user_roles (user_id, role_id) values ('boss', 'admin')`);
    expect(idsOf(await get('/users', 'boss'))).not.toContain('gil');
  });
});

/** A port that nobody listens on. */
function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}
