/**
 * Random worlds and what happens to them: SQL, from a seed.
 *
 * Ids are few and shared, so that near misses are frequent: the same record id in two tenants, a user whose role is in
 * another one, a window that closed a microsecond ago. What breaks a constraint is tried and fails; the oracle is told
 * of the rows as they are then.
 */
import type { Tx } from '../../src/platform/postgres.js';
import type { Rows } from './oracle.js';

/** Random numbers from a seed, the same on every machine. */
export interface Dice {
  /** A whole number from 0 to below `n`. */
  below(n: number): number;
  pick<T>(items: readonly T[]): T;
}

export function createDice(seed: number): Dice {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
  const below = (n: number): number => Math.floor(next() * n);
  return {
    below,
    pick: <T>(items: readonly T[]): T => {
      const item = items[below(items.length)];
      if (item === undefined) throw new Error('there is nothing to pick from');
      return item;
    },
  };
}

/** The middle of all windows. */
export const NOON = Date.UTC(2026, 5, 1, 12);
const STATUSES = ['active', 'active', 'active', 'active', 'active', 'read_only', 'suspended'];
const RECORDS = ['r1', 'r2', 'r3', 'r4', 'r5'];
export const GRANTABLE = ['users.read', 'users.update', 'team.read', 'records.read', 'claims.read', 'claims.update'];

/** The names of one generation of the world. */
export interface Cast {
  readonly tenants: readonly string[];
  /** Of the tenants, in turn, and two of none. */
  readonly users: readonly string[];
  readonly records: readonly string[];
}

export function castOf(generation: number): Cast {
  const tenants = ['a', 'b', 'c'].map((name) => `${name}${String(generation)}`);
  const users = Array.from({ length: 16 }, (_, at) => `u${String(at)}-${String(generation)}`);
  return { tenants, users, records: RECORDS };
}

/** The tenant that a user of the cast was made in; undefined: none. */
function homeOf({ tenants, users }: Cast, user: string): string | undefined {
  const at = users.indexOf(user);
  return at >= 14 ? undefined : tenants[at % tenants.length];
}

/** The rows that a generation begins with. The tenants are there already, with the roles of their presets. */
export function firstRows(cast: Cast, dice: Dice): string[] {
  const statements = cast.users.map((user) => {
    const home = homeOf(cast, user);
    return `insert into security.app_user (id, tenant_id, email)
      values ('${user}', ${home === undefined ? 'null' : `'${home}'`}, '${user}@example.com')`;
  });
  for (const tenant of cast.tenants) {
    for (const name of ['ONE', 'TWO', 'THREE']) statements.push(newRole(tenant, name));
  }
  for (let times = 0; times < 120; times += 1) statements.push(anyChange(cast, dice));
  return statements;
}

const newRole = (tenant: string, name: string): string =>
  `insert into security.role (id, tenant_id, name) values ('${tenant}.${name.toLowerCase()}', '${tenant}', '${name}')
   on conflict do nothing`;

function momentSql(dice: Dice): string {
  if (dice.below(3) === 0) return 'null';
  const ms = NOON + (dice.below(9) - 4) * 60_000 + (dice.below(3) - 1);
  const digits = dice.pick(['000', '000', '001', '999']);
  return `'${new Date(ms).toISOString().replace('Z', `${digits}Z`)}'`;
}

/** One change, by which rights come, go, or stay as they are. */
export function anyChange(cast: Cast, dice: Dice): string {
  const tenant = dice.pick(cast.tenants);
  const locals = cast.users.filter((user) => homeOf(cast, user) === tenant);
  const names = ['one', 'two', 'three', 'admin', 'manager', 'rep'];
  const role = `${tenant}.${dice.pick(names)}`;
  const user = dice.below(10) === 0 ? dice.pick(cast.users) : dice.pick(locals);
  const window = `${momentSql(dice)}, ${momentSql(dice)}`;
  const changes = [
    ...Array.from({ length: 6 }, () => assign(user, role, window)),
    `update security.user_role set revoked_at = now() where user_id = '${user}' and revoked_at is null`,
    `update security.user_role set revoked_at = now() where role_id = '${role}' and user_id = '${user}'`,
    `update security.user_role set (valid_from, expires_at) = (${window}) where user_id = '${user}'`,
    `update security.user_role set revoked_at = null where id in (select id from security.user_role
       where user_id = '${user}' and revoked_at is not null order by ordinal desc limit 1)`,
    `insert into security.user_role (user_id, role_name, valid_from, expires_at)
       values ('${dice.pick(cast.users)}', '${dice.pick(['admin', 'rep'])}', ${window}) on conflict do nothing`,
    ...roleChanges(tenant, dice),
    ...peopleChanges(cast, { tenant, user, locals }, dice),
  ];
  return dice.pick(changes);
}

const assign = (user: string, role: string, window: string): string =>
  `insert into security.user_role (user_id, role_id, valid_from, expires_at) values ('${user}', '${role}', ${window})
   on conflict do nothing`;

function roleChanges(tenant: string, dice: Dice): string[] {
  const custom = `${tenant}.${dice.pick(['one', 'two', 'three'])}`;
  const permission = dice.pick(GRANTABLE);
  return [
    ...Array.from(
      { length: 4 },
      () => `insert into security.role_permission (role_id, permission_id)
        select id, '${permission}' from security.role where id = '${custom}' on conflict do nothing`,
    ),
    `delete from security.role_permission where role_id = '${custom}' and permission_id = '${permission}'`,
    `with gone as (delete from security.role_permission where role_id = '${custom}'),
       held as (delete from security.user_role where role_id = '${custom}')
     delete from security.role where id = '${custom}'`,
    newRole(tenant, dice.pick(['ONE', 'TWO', 'THREE'])),
    `update identity.tenant set status = '${dice.pick(STATUSES)}' where id = '${tenant}'`,
  ];
}

function peopleChanges(
  cast: Cast,
  { tenant, user, locals }: { tenant: string; user: string; locals: readonly string[] },
  dice: Dice,
): string[] {
  const [manager, rep] = [dice.pick(locals), dice.pick(locals)];
  const record = dice.pick(cast.records);
  const anyone = dice.pick(cast.users);
  return [
    ...Array.from(
      { length: 4 },
      () => `insert into security.user_assignment (tenant_id, user_id, assigned_user_id, valid_from, expires_at)
        select '${tenant}', '${manager}', '${rep}', ${momentSql(dice)}, ${momentSql(dice)}
        where '${manager}' <> '${rep}' on conflict do nothing`,
    ),
    `delete from security.user_assignment where tenant_id = '${tenant}' and user_id = '${manager}'`,
    `update security.user_assignment set (valid_from, expires_at) = (${momentSql(dice)}, ${momentSql(dice)})
       where tenant_id = '${tenant}' and assigned_user_id = '${rep}'`,
    ...Array.from(
      { length: 3 },
      () => `insert into security.record (tenant_id, id, owner_user_id) values ('${tenant}', '${record}', '${rep}')
        on conflict (tenant_id, id) do update set owner_user_id = excluded.owner_user_id`,
    ),
    `delete from security.record where tenant_id = '${tenant}' and id = '${record}'`,
    `update security.app_user set status = 'active' where id = '${user}'`,
    `update security.app_user set status = 'disabled' where id = '${user}'`,
    `update security.app_user set status = 'active' where tenant_id = '${tenant}'`,
    `insert into identity.platform_admin (user_id) values ('${anyone}') on conflict do nothing`,
    `delete from identity.platform_admin where user_id = '${anyone}'`,
    `delete from identity.platform_admin`,
  ];
}

const micros = (column: string): string => `(extract(epoch from ${column}) * 1000000)::float8`;

/** All rows, as the oracle reads them. */
export async function readRows(tx: Tx): Promise<Rows> {
  const read = async <Row>(text: string): Promise<Row[]> => (await tx.query<Row>({ text })).rows;
  const window = `${micros('valid_from')} as "from", ${micros('expires_at')} as until`;
  return {
    tenants: await read(`select id, status from identity.tenant`),
    users: await read(`select id, tenant_id as tenant, status from security.app_user`),
    admins: await read(`select user_id as user from identity.platform_admin`),
    roles: await read(`select id, tenant_id as tenant, name, is_system as system from security.role`),
    grants: await read(`select role_id as role, permission_id as permission from security.role_permission`),
    held: await read(`select user_id as user, role_id as role, role_name as name, ${window},
        revoked_at is not null as revoked from security.user_role`),
    edges: await read(`select tenant_id as tenant, user_id as manager, assigned_user_id as user, ${window}
        from security.user_assignment`),
    records: await read(`select tenant_id as tenant, id, owner_user_id as owner from security.record`),
  };
}
