/**
 * Two callers at once, and fifty, over HTTP on two replicas: whatever meets whatever, the rows end as some order of the
 * calls would have left them, the entries tell that order, and nobody is answered 500. `VERIFY=1` takes the full sizes.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import type { PermissionSetReceipt, RevocationReceipt } from '../../src/contract/api.js';
import { driftLines } from '../support/played-engine.js';
import { ADA, openOffice, PATIENT } from '../support/office.js';
import type { Entry, Office } from '../support/office.js';
import { startService } from '../support/service.js';
import type { Answered, RequestMore, RunningService } from '../support/service.js';
import { roleId } from '../support/world.js';

const isFull = process.env['VERIFY'] !== undefined;
const TRIALS = isFull ? 1_000 : 100;
const CROWDS = isFull ? 20 : 2;
const CROWD = 50;
const LONG = { timeout: TRIALS * 1_500 };
/** What a trial picks at random follows from this. */
const SEED = Number(process.env['SEED'] ?? Date.now() % 1_000_000);

let office: Office;
let services: readonly RunningService[];
beforeAll(async () => {
  office = await openOffice();
  services = [office.service, await startService(office.world, PATIENT)];
  await office.world.sql(
    `insert into security.app_user (id, tenant_id, email)
     select 'u' || n, 'acme', 'u' || n || '@example.com' from generate_series(1, ${String(CROWD)}) n`,
  );
  process.stdout.write(
    `races: seed ${String(SEED)}, ${String(TRIALS)} × 2 and ${String(CROWDS)} × ${String(CROWD)} callers\n`,
  );
});
afterAll(async () => {
  await office.service.settle();
  expect(await driftLines(office.world)).toEqual([]);
  await services[1]?.stop();
  await office.end();
});

/** Mulberry32: the same numbers for the same seed. */
let state = SEED;
function random(below: number): number {
  state = (state + 0x6d2b79f5) | 0;
  let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
  mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
  return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
}

const on = (at: number): RunningService => services[at % 2] ?? office.service;
const user = (at: number): string => `u${String((at % CROWD) + 1)}`;
/** Of a crowd, some may be told that no connection was free in time: that is an answer, and has no effect. */
const NO_CONNECTION = ['crowd: 503 the database cannot be reached', 'crowd: 503 the decision cannot be written down'];

function told({ status, body }: Answered<unknown>, callers: number): string {
  if (status === 503) return `${callers > 2 ? 'crowd' : 'two'}: 503 ${body.detail ?? ''}`;
  return `${String(status)}${body.code === undefined ? '' : ` ${body.code}`}`;
}

/** Who has, or is to have, which role. */
type Pair = readonly [userId: string, role: string];

function assign(at: number, [userId, role]: Pair, more: RequestMore = ADA): Promise<Answered<{ changed: boolean }>> {
  return on(at).post(`/admin/users/${userId}/roles`, { roleId: role }, more);
}

function revoke(at: number, [userId, role]: Pair, more: RequestMore = ADA): Promise<Answered<RevocationReceipt>> {
  return on(at).delete(`/admin/users/${userId}/roles/${role}`, more);
}

let made = 0;
/** A custom role of the tenant that nobody has yet. */
async function newRole(permissions: readonly string[] = [], tenant = 'acme'): Promise<string> {
  const id = `race-${String((made += 1))}`;
  const { world } = office;
  await world.sql(`insert into security.role (id, tenant_id, name) values ($1, $2, $3)`, [
    id,
    tenant,
    id.toUpperCase().replace('-', '_'),
  ]);
  await world.sql(`insert into security.role_permission (role_id, permission_id) select $1::text, unnest($2::text[])`, [
    id,
    permissions,
  ]);
  return id;
}

/** How often each end was seen, sorted, so that the two ways round of a race are one. */
class Ends {
  readonly seen = new Map<string, number>();
  add(answers: readonly Answered<unknown>[]): string[] {
    const all = answers.map((answer) => told(answer, answers.length));
    for (const one of all) this.seen.set(one, (this.seen.get(one) ?? 0) + 1);
    return all;
  }
  /** Prints what was seen, and holds it to what may be. */
  close(name: string, allowed: readonly string[]): void {
    process.stdout.write(`${name}: ${JSON.stringify(Object.fromEntries([...this.seen].sort()))}\n`);
    expect([...this.seen.keys()].filter((one) => !NO_CONNECTION.includes(one) && !allowed.includes(one))).toEqual([]);
  }
}

/** `count` trials of two callers, then the crowds. */
async function trials(run: (callers: number) => Promise<void>): Promise<void> {
  for (let trial = 0; trial < TRIALS; trial += 1) await run(2);
  for (let crowd = 0; crowd < CROWDS; crowd += 1) await run(CROWD);
}

const many = <T>(callers: number, call: (at: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: callers }, (_, at) => call(at)));

test(
  'delete role ∥ assign role: nobody holds a role that is gone, and none goes that somebody holds',
  LONG,
  async () => {
    const ends = new Ends();
    await trials(async (callers) => {
      const role = await newRole();
      const first = random(2);
      const answers = await many(callers, (at) =>
        at % 2 === first ? on(at).delete(`/admin/roles/${role}`, ADA) : assign(at, [user(at), role]),
      );
      ends.add(answers);
      const ok = answers.flatMap(({ status }, at) =>
        status === 200 ? [at % 2 === first ? 'deleted' : 'assigned'] : [],
      );
      const [left] = await office.world.sql<{ roles: number; holders: number }>(
        `select (select count(*)::int from security.role where id = $1) as roles,
              (select count(*)::int from security.user_role where role_id = $1) as holders`,
        [role],
      );
      const deleted = ok.filter((one) => one === 'deleted').length;
      expect(left).toEqual(deleted === 1 ? { roles: 0, holders: 0 } : { roles: 1, holders: ok.length });
      expect(deleted).toBeLessThanOrEqual(1);
      if (deleted === 1) expect(ok).toEqual(['deleted']);
    });
    ends.close('delete ∥ assign', ['200', '404 NOT_FOUND', '409 ROLE_IN_USE']);
  },
);

describe('set-permissions ∥ set-permissions', () => {
  const SETS = [
    [],
    ['claims.read'],
    ['claims.read', 'denials.read'],
    ['payers.read', 'denials.update'],
    ['reports.read'],
  ];

  /** The set as the entries say it came about, from an empty one; each must follow from the one before. */
  function chained(entries: readonly Entry[]): string[] {
    const set = new Set<string>();
    for (const { details } of entries) {
      for (const removed of details['removed'] as string[])
        expect(set.delete(removed), `${removed} was not there`).toBe(true);
      for (const added of details['added'] as string[]) {
        expect(set.has(added), `${added} was there`).toBe(false);
        set.add(added);
      }
    }
    return [...set].sort();
  }

  const setOf = async (role: string): Promise<string[]> =>
    (
      await office.world.sql<{ id: string }>(
        `select permission_id as id from security.role_permission where role_id = $1 order by 1`,
        [role],
      )
    ).map(({ id }) => id);

  test('without `if-match`, the set is one of those sent, and the entries chain to it', LONG, async () => {
    const ends = new Ends();
    await trials(async (callers) => {
      const role = await newRole();
      const since = await office.lastEntryId();
      const sent = Array.from({ length: callers }, () => SETS[random(SETS.length)] ?? []);
      const answers = await many(callers, (at) =>
        on(at).put<PermissionSetReceipt>(`/admin/roles/${role}/permissions`, { permissionIds: sent[at] }, ADA),
      );
      ends.add(answers);
      const entries = await office.entriesSince(since);
      const set = await setOf(role);
      expect(sent.map((one) => one.toSorted())).toContainEqual(set);
      expect(chained(entries)).toEqual(set);
      expect(answers.filter(({ body }) => body.changed === true)).toHaveLength(entries.length);
    });
    ends.close('set ∥ set', ['200']);
  });

  test('with `if-match`, exactly one wins; every other is told what it did', LONG, async () => {
    const ends = new Ends();
    await trials(async (callers) => {
      const role = await newRole();
      const since = await office.lastEntryId();
      const all = ['claims.read', 'claims.update', 'denials.read', 'denials.update', 'payers.read', 'payers.update'];
      // Each another set than what stands, so that each would change it.
      const answers = await many(callers, (at) =>
        on(at).put<PermissionSetReceipt>(
          `/admin/roles/${role}/permissions`,
          { permissionIds: all.slice(0, 1 + (at % all.length)) },
          { ...ADA, headers: { 'if-match': '1' } },
        ),
      );
      ends.add(answers);
      const won = answers.filter(({ status }) => status === 200);
      expect(won).toHaveLength(1);
      expect(await office.entriesSince(since)).toHaveLength(1);
      const set = await setOf(role);
      expect(won[0]?.body.permissionIds).toEqual(set);
      for (const { status, body } of answers) {
        if (status !== 412) continue;
        expect(body.changed).toMatchObject({ version: 2, permissionIds: set, changes: [{ added: set, removed: [] }] });
      }
    });
    ends.close('set ∥ set, if-match', ['200', '412 VERSION_CONFLICT']);
  });
});

test('revoke ∥ assign of one pair: the entries take turns, and the last one says what stands', LONG, async () => {
  const ends = new Ends();
  await trials(async (callers) => {
    const role = await newRole();
    const before = random(2) === 0;
    if (before) await office.world.sql(`insert into security.user_role (user_id, role_id) values ('u1', $1)`, [role]);
    const since = await office.lastEntryId();
    const answers = await many(callers, (at) => (at % 2 === 0 ? assign(at, ['u1', role]) : revoke(at, ['u1', role])));
    ends.add(answers);
    const entries = await office.entriesSince(since);
    expect(answers.filter(({ body }) => body.changed === true)).toHaveLength(entries.length);
    let stands = before;
    for (const { purpose } of entries) {
      expect(purpose).toBe(`role.${stands ? 'revoke' : 'assign'}:${role}`);
      stands = !stands;
    }
    const [left] = await office.world.sql<{ n: number }>(
      `select count(*)::int as n from security.user_role where role_id = $1 and revoked_at is null`,
      [role],
    );
    expect(left?.n).toBe(stands ? 1 : 0);
  });
  ends.close('revoke ∥ assign', ['200']);
});

test('admins who revoke each other: one is left, always', LONG, async () => {
  const ends = new Ends();
  const admin = roleId('duel', 'EMR_CLIENT_ADMIN');
  await office.world.addTenant('duel', 'emr');
  await office.world.sql(
    `insert into security.app_user (id, tenant_id, email)
     select 'd' || n, 'duel', 'd' || n || '@example.com' from generate_series(0, ${String(CROWD - 1)}) n`,
  );
  await trials(async (callers) => {
    const ids = Array.from({ length: callers }, (_, at) => `d${String(at)}`);
    await office.world.sql(
      `insert into security.user_role (user_id, role_id) select id, $2 from unnest($1::text[]) id
       on conflict (user_id, role_id) where revoked_at is null do nothing`,
      [ids, admin],
    );
    await office.service.settle();
    const answers = await many(callers, (at) =>
      revoke(at, [ids[(at + 1) % callers] ?? '', admin], { as: { user: ids[at] ?? '', tenant: 'duel' } }),
    );
    ends.add(answers);
    const [left] = await office.world.sql<{ n: number }>(
      `select count(*)::int as n from security.user_role where role_id = $1 and revoked_at is null`,
      [admin],
    );
    expect(left?.n).toBe(
      callers - answers.filter(({ status, body }) => status === 200 && body.changed === true).length,
    );
    expect(left?.n).toBeGreaterThan(0);
    // those who are left of a crowd make room for the next trial
    if (callers > 2) {
      await office.world.migrationSql(
        `update security.user_role set revoked_at = now() where role_id = '${admin}' and revoked_at is null`,
      );
      await office.service.settle();
    }
  });
  ends.close('last admin', ['200', '403 FORBIDDEN', '409 LAST_ADMIN']);
});

test('who loses a permission while they hand it out: nothing is handed out after it is gone', LONG, async () => {
  const ends = new Ends();
  const administers = await newRole(['users.read', 'users.update', 'users.admin']);
  await office.addHolder('esc', [administers]);
  const as = { as: { user: 'esc', tenant: 'acme' } };
  await trials(async (callers) => {
    const own = await newRole(['payers.update']);
    const handed = await newRole(['payers.update']);
    await office.world.sql(`insert into security.user_role (user_id, role_id) values ('esc', $1)`, [own]);
    const since = await office.lastEntryId();
    const first = random(callers);
    const answers = await many(callers, (at) =>
      at === first ? revoke(at, ['esc', own]) : assign(at, [user(at), handed], as),
    );
    ends.add(answers);
    const purposes = (await office.entriesSince(since)).map(({ purpose }) => purpose);
    const revoked = purposes.indexOf(`role.revoke:${own}`);
    expect(revoked === -1).toBe(answers[first]?.status === 503);
    if (revoked !== -1) expect(purposes.slice(revoked + 1)).toEqual([]);
    expect(purposes).toHaveLength(answers.filter(({ status }) => status === 200).length);
  });
  ends.close('escalate while revoked', ['200', '403 ESCALATION']);
});
