/** Who has what, out of one database and into another: `bailiwick export` and `import` on a real Postgres and OpenFGA. */
import { chmod, mkdtemp, open, readFile, readdir, readlink, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { findAccessCommand } from '../../src/commands.js';
import type { AccessOptions } from '../../src/portable/access-commands.js';
import { createWorld } from '../support/world.js';
import type { World } from '../support/world.js';

let from: World;
let to: World;
let folder: string;
let document: string;
beforeAll(async () => {
  [from, to] = [await createWorld(), await createWorld()];
  folder = await mkdtemp(join(tmpdir(), 'bailiwick-access-'));
  await fill(from);
  document = (await run(from, 'export')).lines.join('\n');
});
afterAll(async () => {
  await rm(folder, { recursive: true });
  await Promise.all([from.end(), to.end()]);
});

async function fill(world: World): Promise<void> {
  await world.addTenant('acme', 'rcm');
  await world.addTenant('zeta', 'emr');
  await world.addTenant('quiet', 'sales');
  await world.addUser('acme', 'ann', ['TENANT_ADMIN']);
  for (const user of ['bob', 'cat', 'dan']) await world.addUser('acme', user, ['BILLER']);
  await world.addUser('zeta', 'zoe', ['EMR_CLIENT_ADMIN']);
  await world.addUser('zeta', 'gone');
  for (const text of [
    `insert into security.role (id, tenant_id, name, description) values ('custom', 'acme', 'CUSTOM', 'Says "x", ä')`,
    `insert into security.role_permission (role_id, permission_id, tenant_id) values ('custom', 'claims.read', 'acme'), ('custom', 'users.read', 'acme')`,
    `insert into security.user_role (user_id, role_id, valid_from, expires_at) values
       ('cat', 'custom', now() - interval '1 hour', now() + interval '1 day'), ('dan', 'custom', now() + interval '1 day', null)`,
    `insert into security.user_role (user_id, role_id, expires_at) values ('bob', 'custom', now() - interval '1 hour')`,
    `insert into security.user_role (user_id, role_name) values ('zoe', 'BILLER')`,
    `insert into security.user_assignment (user_id, assigned_user_id, tenant_id, expires_at) values
       ('ann', 'bob', 'acme', null), ('bob', 'cat', 'acme', now() + interval '1 day')`,
    `insert into security.credential (user_id, password_hash) values ('ann', '$argon2id$v=19$m=19456,t=2,p=1$c2VjcmV0c2FsdA$bm90aGluZ3RoYXR3b3Jrcw')`,
    `update security.app_user set status = 'disabled' where id = 'gone'`,
    `update identity.tenant set status = 'read_only' where id = 'quiet'`,
  ]) {
    await world.sql(text);
  }
}

interface Ran {
  readonly code: number;
  readonly lines: string[];
}

async function run(world: World, name: string, options: Partial<AccessOptions> = {}): Promise<Ran> {
  const lines: string[] = [];
  const say = (line: string): void => void lines.push(line);
  const command = findAccessCommand(name);
  if (command === undefined) throw new Error(`there is no command \`${name}\``);
  const all = { json: false, force: false, 'dry-run': false, prune: false, ...options };
  const code = await command({ databaseUrl: world.databaseUrl }, all, { print: say, complain: say });
  return { code, lines };
}

async function bring(text: string, options: Partial<AccessOptions> = {}): Promise<Ran> {
  const file = join(folder, 'document.ndjson');
  await writeFile(file, text);
  return await run(to, 'import', { file, ...options });
}

const exported = async (world: World, tenant?: string): Promise<string> =>
  (await run(world, 'export', { tenant })).lines.join('\n');

/** Everything that a change would leave a trace in. */
async function traces(): Promise<unknown> {
  const tables = ['audit.access_log', 'identity.tenant', 'security.app_user', 'security.role', 'security.role_permission', 'security.user_role', 'security.user_assignment', 'sync.outbox'];
  return await Promise.all(tables.map((table) => to.sql(`select count(*), coalesce(sum(hashtext(t::text)), 0) as sum from ${table} t`)));
} // prettier-ignore

describe('an export', () => {
  test('holds what stands, in one order, and no secret', () => {
    const lines = document.split('\n').map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines[0]).toEqual({ kind: 'form', form: 'bailiwick-access/1' });
    const of = (kind: string) => lines.filter((line) => line['kind'] === kind);
    expect(of('tenant').map(({ id }) => id)).toEqual(['acme', 'quiet', 'zeta']);
    expect(of('user').map(({ id, status }) => `${String(id)} ${String(status)}`)).toEqual(['ann active', 'bob active', 'cat active', 'dan active', 'gone disabled', 'zoe active']); // prettier-ignore
    expect(of('role').find(({ id }) => id === 'custom')).toEqual({
      ...{ kind: 'role', id: 'custom', name: 'CUSTOM', description: 'Says "x", ä', isSystem: false },
      permissions: ['claims.read', 'users.read'],
    });
    const holders = of('assignment').map(
      ({ userId, roleId, roleName }) => `${String(userId)} ${String(roleId ?? roleName)}`,
    );
    expect(holders).toContain('zoe BILLER');
    expect(holders).toContain('dan custom');
    // It has ended.
    expect(holders).not.toContain('bob custom');
    expect(of('manager')).toHaveLength(2);
    expect(document).not.toMatch(/argon2|bm90aGluZ3|password|hash/i);
  });

  test('is the same bytes again, and an entry of each tenant each time', async () => {
    const count = (): Promise<unknown[]> =>
      from.sql(`select tenant_id, count(*)::int as n, min(coalesce(actor_user_id, actor_role)) as who from audit.access_log
                where access_action = 'EXPORT' group by 1 order by 1`);
    const before = (await count()) as { tenant_id: string; n: number; who: string }[];
    expect(before.map(({ tenant_id }) => tenant_id)).toEqual(['acme', 'quiet', 'zeta']);
    expect(before[0]?.who).toBeTruthy();
    expect(await exported(from)).toBe(document);
    expect(await exported(from, 'zeta')).toBe(
      [document.split('\n')[0], ...document.slice(document.indexOf('{"kind":"tenant","id":"zeta"')).split('\n')].join(
        '\n',
      ),
    );
    expect(((await count()) as typeof before).map(({ n }, at) => n - (before[at]?.n ?? 0))).toEqual([1, 1, 2]);
    await expect(exported(from, 'nowhere')).rejects.toThrow('there is no tenant `nowhere`');
  });

  test('goes into a file that only its owner reads, and over none that is there', async () => {
    const file = join(folder, 'export.ndjson');
    expect(await run(from, 'export', { file })).toMatchObject({ code: 0 });
    expect(await readFile(file, 'utf8')).toBe(`${document}\n`);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    await expect(run(from, 'export', { file })).rejects.toThrow('is there already');
    // Nor into one that others have opened, or may.
    await writeFile(file, 'theirs');
    await chmod(file, 0o644);
    const theirs = await open(file);
    expect(await run(from, 'export', { file, force: true })).toMatchObject({ code: 0 });
    expect(await readFile(file, 'utf8')).toBe(`${document}\n`);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(await theirs.readFile('utf8')).toBe('theirs');
    await theirs.close();
    await expect(run(from, 'export', { file, force: true, tenant: 'nowhere' })).rejects.toThrow('no tenant');
    expect(await readFile(file, 'utf8')).toBe(`${document}\n`);
    expect(await readdir(folder)).toEqual(['export.ndjson']);
    // A link is left to lead where it leads, as /dev/stdout does.
    await symlink(file, join(folder, 'link'));
    await expect(run(from, 'export', { file: join(folder, 'link'), force: true })).rejects.toThrow('is no file');
    expect(await readlink(join(folder, 'link'))).toBe(file);
  });
});

describe('an import', () => {
  test('tried dry says what it would do, and does nothing', async () => {
    const before = await traces();
    const { code, lines } = await bring(document, { 'dry-run': true });
    expect(code).toBe(3);
    expect(lines).toContain('+ user ann');
    expect(lines.at(-1)).toMatch(/^would be \+\d+ ~1 -0$/);
    expect(await traces()).toEqual(before);
  });

  test('makes the other database the same: export, tuples, entries', async () => {
    expect(await bring(document)).toMatchObject({ code: 0 });
    expect(await exported(to)).toBe(document);
    await Promise.all([from.settle(), to.settle()]);
    // What has ended stays in the store until the next comparison, and is not in an export.
    const standing = (await from.storedTuples()).filter(
      ({ condition }) => condition === undefined || new Date(condition.expiresAt) > new Date(),
    );
    expect(standing.length).toBeGreaterThan(50);
    expect(await to.storedTuples()).toEqual(standing);
    const [entries] = await to.sql<{ n: number; nobody: number }>(
      `select count(*)::int as n, count(*) filter (where coalesce(actor_user_id, actor_role) is null)::int as nobody
       from audit.access_log where access_action = 'WRITE'`,
    );
    expect(entries?.n).toBeGreaterThan(5);
    expect(entries?.nobody).toBe(0);
  });

  test('a second time changes nothing', async () => {
    const before = await traces();
    const { code, lines } = await bring(document);
    expect({ code, lines }).toEqual({ code: 0, lines: ['it is as the document says: nothing to do'] });
    expect(await traces()).toEqual(before);
  });

  test('changes what differs, and ends what is not there only where it is told to', async () => {
    const text = document
      .split('\n')
      .filter((line) => !line.includes('"userId":"bob","roleId"') && !line.includes('"userId":"bob","managedUserId"'))
      .join('\n')
      .replace('"email":"cat@example.com"', '"email":"cat@acme.example"')
      .replace('["claims.read","users.read"]', '["claims.read","payers.read"]');
    const changed = ['~ user cat', '- permission custom users.read', '+ permission custom payers.read'];
    const { lines } = await bring(text);
    expect(lines.slice(0, -1).sort()).toEqual([...changed].sort());
    const pruned = JSON.parse((await bring(text, { prune: true, json: true })).lines.join('')) as { differences: number };
    expect(pruned.differences).toBe(2);
    expect(await exported(to)).toBe(text);
    expect(await bring(document)).toMatchObject({ code: 0 });
    await to.settle();
  });

  const form = '{"kind":"form","form":"bailiwick-access/1"}';
  const tenant = '{"kind":"tenant","id":"new","slug":"new","name":"New","preset":"rcm","status":"active"}';
  const user = (id: string, more = '') => `{"kind":"user","id":"${id}","email":"${id}@new.example","displayName":"","status":"active"${more}}`;
  const role = (id: string, name: string, permissions = '') => `{"kind":"role","id":"${id}","name":"${name}","description":"","isSystem":false,"permissions":[${permissions}]}`;
  const assignment = (userId: string, roleId: string) => `{"kind":"assignment","userId":"${userId}","roleId":"${roleId}","roleName":null,"validFrom":null,"expiresAt":null}`;
  const manager = (userId: string, managedUserId: string) => `{"kind":"manager","userId":"${userId}","managedUserId":"${managedUserId}","validFrom":null,"expiresAt":null}`;

  test.each<[what: string, lines: string[], said: RegExp]>([
    ['nothing', [], /^line 1: the document is empty/],
    ['another form', ['{"kind":"form","form":"bailiwick-access/2"}'], /^line 1: form/],
    ['no form', [tenant], /^line 1: the first line, and no other/],
    ['no JSON', [form, tenant, '{"kind":'], /^line 3: is not JSON/],
    ['a line without an end', [form, tenant, `{"kind":"user","id":"${'x'.repeat(300_000)}`], /^line 3: is over \d+ characters/],
    ['what no line has', [form, tenant, user('a', ',"passwordHash":"x"')], /^line 3: .*passwordHash/],
    ['a user before any tenant', [form, user('a')], /^line 2: comes before any tenant/],
    ['a tenant twice', [form, tenant, tenant], /^line 3: the tenant is there twice/],
    ['a user twice', [form, tenant, user('a'), user('a')], /^line 4: is there twice/],
    ['a user of another tenant', [form, tenant, user('a'), user('ann')], /^line 4: `ann` belongs to another tenant here/],
    ['a role of another tenant', [form, tenant, role('custom', 'THEIRS')], /^line 3: `custom` belongs to another tenant here/],
    ['a permission that there is not', [form, tenant, role('r', 'R', '"no.such"')], /^line 3: breaks `fk_role_permission_permission`/],
    ['a name that no role has', [form, tenant, role('r', 'lower case')], /^line 3: breaks `chk_role_name`/],
    ['a role that is not there', [form, tenant, user('a'), assignment('a', 'none')], /^line 4: /],
    ['somebody else’s role', [form, tenant, user('a'), assignment('a', 'custom')], /^line 4: /],
    ['a role for somebody who is not there', [form, tenant, user('a'), user('b'), assignment('a', 'new.biller'), assignment('c', 'new.biller')], /^line 6: /],
    ['a preset’s role that is another', [form, tenant, role('new.biller', 'BILLER').replace('"isSystem":false', '"isSystem":true')], /^line 3: `new.biller`: the preset’s role holds other permissions here/],
    ['a preset’s role as one’s own', [form, tenant, role('new.biller', 'BILLER')], /^line 3: `new.biller` is a role of the preset here/],
    ['a ring of managers', [form, tenant, user('a'), user('b'), manager('a', 'b'), manager('b', 'a')], /`a` is above `b` already/],
    ['another preset', [form, tenant.replace('"new"', '"acme"').replace('rcm', 'emr')], /^line 2: the tenant was made from the preset `rcm` here/],
    ['a slug that is taken', [form, tenant.replace('"slug":"new"', '"slug":"acme"')], /^line 2: breaks `uq_tenant_slug`/],
    ['a status that there is not', [form, tenant.replace('"status":"active"', '"status":"sleepy"')], /chk_tenant_status/],
  ])('of %s is refused whole, and says where', async (_, lines, said) => {
    const before = await traces();
    await expect(bring(lines.join('\n'))).rejects.toThrow(said);
    expect(await traces()).toEqual(before);
  });

  test('of no file is refused', async () => {
    await expect(run(to, 'import')).rejects.toThrow('`--file` is missing');
    await expect(run(to, 'import', { file: join(folder, 'none') })).rejects.toThrow('ENOENT');
  });

  test('that would take the last way to administer a tenant is refused whole', async () => {
    const before = await traces();
    const lines = document.split('\n').filter((line) => !line.includes('"roleId":"acme.tenant_admin"'));
    await expect(bring(lines.join('\n'), { prune: true })).rejects.toThrow(/LAST_ADMIN|administ/);
    expect(await traces()).toEqual(before);
  });
}); // prettier-ignore
