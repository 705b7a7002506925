import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { keyOf } from '../../src/shared/tuple.js';
import { candidates, keyText, KEY_KINDS, project, UnprojectableError } from '../../src/sync/projection.js';
import type { Key, KeyedRows, RowsOf } from '../../src/sync/projection.js';
import { keyOfTuple } from '../../src/sync/tuple-key.js';
import { anyKey, keyedRows } from '../support/sync-arbitraries.js';

const FROM = '2026-01-01T00:00:00.000000Z';
const UNTIL = '2027-01-01T00:00:00.000000Z';
const FIRST_YEAR = '0001-01-01T00:00:00Z';
const LAST_YEAR = '9999-12-31T23:59:59.999999Z';

const line = (keyed: KeyedRows): string[] =>
  project(keyed).map(({ condition, ...tuple }) =>
    [keyOf(tuple), ...(condition === undefined ? [] : [condition.validFrom, condition.expiresAt])].join(' '),
  );

const tenant: Key = { kind: 'tenant', tenantId: 't', a: '', b: '' };
const held: Key = { kind: 'user_role', tenantId: 't', a: 'u', b: 'r' };
const edge: Key = { kind: 'user_assignment', tenantId: 't', a: 'm', b: 'u' };
const profile: Key = { kind: 'profile', tenantId: 't', a: 'u', b: '' };
const record: Key = { kind: 'record', tenantId: 't', a: 'd', b: '' };
type Assignment = NonNullable<RowsOf['user_role']>['assignments'][number];
const own: Assignment = { global: false, slot: 'a', validFrom: null, expiresAt: null, revoked: false };
const global: Assignment = { ...own, global: true, validFrom: FROM };

function assigned(...assignments: Assignment[]): KeyedRows {
  return { kind: 'user_role', key: held, rows: { userStatus: 'active', assignments } };
}

describe('what rows mean', () => {
  test.each<{ says: string; keyed: KeyedRows; tuples: string[] }>([
    {
      says: 'an active tenant is readable and writable',
      keyed: { kind: 'tenant', key: tenant, rows: { status: 'active' } },
      tuples: ['platform:main platform tenant:t', 'tenant:t readable tenant:t', 'tenant:t writable tenant:t'],
    },
    {
      says: 'a read-only tenant is readable',
      keyed: { kind: 'tenant', key: tenant, rows: { status: 'read_only' } },
      tuples: ['platform:main platform tenant:t', 'tenant:t readable tenant:t'],
    },
    {
      says: 'a suspended tenant is the platform’s alone',
      keyed: { kind: 'tenant', key: tenant, rows: { status: 'suspended' } },
      tuples: ['platform:main platform tenant:t'],
    },
    { says: 'a tenant that is gone has nothing', keyed: { kind: 'tenant', key: tenant, rows: null }, tuples: [] },
    {
      says: 'an active platform admin has one tuple for all tenants',
      keyed: {
        kind: 'platform_admin',
        key: { kind: 'platform_admin', tenantId: '', a: 'u', b: '' },
        rows: { userStatus: 'active' },
      },
      tuples: ['user:u super_admin platform:main'],
    },
    {
      says: 'a disabled platform admin has none',
      keyed: {
        kind: 'platform_admin',
        key: { kind: 'platform_admin', tenantId: '', a: 'u', b: '' },
        rows: { userStatus: 'disabled' },
      },
      tuples: [],
    },
    {
      says: 'a role makes its holders members',
      keyed: { kind: 'role', key: { kind: 'role', tenantId: 't', a: 'r', b: '' }, rows: { exists: true } },
      tuples: ['role:t/r#assignee member tenant:t'],
    },
    {
      says: 'a grant gives the role the permission’s twin',
      keyed: {
        kind: 'role_permission',
        key: { kind: 'role_permission', tenantId: 't', a: 'r', b: 'claims.read' },
        rows: { exists: true },
      },
      tuples: ['role:t/r#assignee grant.claims.read tenant:t'],
    },
    { says: 'an assignment without end needs no condition', keyed: assigned(own), tuples: ['user:u a role:t/r'] },
    {
      says: 'an assignment in a window is conditional, in its slot',
      keyed: assigned({ ...own, slot: 'b', validFrom: FROM, expiresAt: UNTIL }),
      tuples: [`user:u b role:t/r ${FROM} ${UNTIL}`],
    },
    {
      says: 'an open end is the last year, an open beginning the first',
      keyed: assigned({ ...own, expiresAt: UNTIL }, global),
      tuples: [`user:u a role:t/r ${FIRST_YEAR} ${UNTIL}`, `user:u b role:t/r ${FROM} ${LAST_YEAR}`],
    },
    { says: 'a tombstone gives nothing', keyed: assigned({ ...own, revoked: true }), tuples: [] },
    {
      says: 'a global assignment alone keeps its own slot',
      keyed: assigned(global),
      tuples: [`user:u a role:t/r ${FROM} ${LAST_YEAR}`],
    },
    {
      says: 'a global assignment keeps its slot when the one beside it is revoked',
      keyed: assigned({ ...own, revoked: true }, global),
      tuples: [`user:u b role:t/r ${FROM} ${LAST_YEAR}`],
    },
    {
      says: 'a disabled user holds nothing',
      keyed: { kind: 'user_role', key: held, rows: { userStatus: 'disabled', assignments: [own] } },
      tuples: [],
    },
    {
      says: 'a manager reaches through the profile, in the window',
      keyed: { kind: 'user_assignment', key: edge, rows: { validFrom: null, expiresAt: UNTIL } },
      tuples: [`profile:t/m manager profile:t/u ${FIRST_YEAR} ${UNTIL}`],
    },
    {
      says: 'a profile belongs to its tenant and its subject',
      keyed: { kind: 'profile', key: profile, rows: { userStatus: 'active' } },
      tuples: ['tenant:t tenant profile:t/u', 'user:u subject profile:t/u'],
    },
    {
      says: 'a disabled user’s profile is nobody’s own',
      keyed: { kind: 'profile', key: profile, rows: { userStatus: 'disabled' } },
      tuples: ['tenant:t tenant profile:t/u'],
    },
    {
      says: 'a record belongs to its tenant and to its owner’s profile',
      keyed: { kind: 'record', key: record, rows: { ownerUserId: 'u' } },
      tuples: ['tenant:t tenant record:t/d', 'profile:t/u owner record:t/d'],
    },
  ])('$says', ({ keyed, tuples }) => {
    expect(line(keyed)).toEqual(tuples);
  });

  test.each(['*', '', 'a b', 'role:x', 'x#assignee', 'a/b', 'a\n', 'é', 'a'.repeat(121)])(
    'rows of the malformed id %j are refused wherever it stands, and nothing of it can be left behind',
    (bad) => {
      const malformed: KeyedRows[] = [
        { kind: 'tenant', key: { ...tenant, tenantId: bad }, rows: { status: 'active' } },
        { kind: 'user_role', key: { ...held, tenantId: bad }, rows: { userStatus: 'active', assignments: [own] } },
        { kind: 'user_role', key: { ...held, a: bad }, rows: { userStatus: 'active', assignments: [own] } },
        { kind: 'user_role', key: { ...held, b: bad }, rows: { userStatus: 'active', assignments: [own] } },
        { kind: 'user_assignment', key: { ...edge, b: bad }, rows: { validFrom: null, expiresAt: null } },
        { kind: 'profile', key: { ...profile, a: bad }, rows: { userStatus: 'active' } },
        { kind: 'record', key: { ...record, a: bad }, rows: { ownerUserId: 'u' } },
      ];
      for (const keyed of malformed) {
        expect(() => project(keyed)).toThrow(UnprojectableError);
        expect(candidates(keyed.key, {})).toEqual([]);
        expect(project({ ...keyed, rows: null })).toEqual([]);
      }
      expect(() => project({ kind: 'record', key: record, rows: { ownerUserId: bad } })).toThrow(UnprojectableError);
      expect(candidates(record, { owner: bad }).map(keyOf)).toEqual(['tenant:t tenant record:t/d']);
    },
  );
});

describe('the invariants', () => {
  test('projection is pure: it changes nothing, reads no clock, and says the same again', () => {
    fc.assert(
      fc.property(keyedRows, (keyed) => {
        const before = JSON.stringify(keyed);
        const now = Date.now;
        Date.now = () => {
          throw new Error('projection looked at the clock');
        };
        try {
          expect(project(keyed)).toEqual(project(structuredClone(keyed)));
        } finally {
          Date.now = now;
        }
        expect(JSON.stringify(keyed)).toBe(before);
      }),
    );
  });

  test('two keys never give the same tuple', () => {
    const owners = new Map<string, string>();
    const met = new Set<string>();
    fc.assert(
      fc.property(keyedRows, (keyed) => {
        met.add(keyed.kind);
        for (const tuple of project(keyed)) {
          const owner = owners.get(keyOf(tuple)) ?? keyText(keyed.key);
          expect(keyText(keyed.key)).toBe(owner);
          owners.set(keyOf(tuple), owner);
        }
      }),
      { numRuns: 3_000 },
    );
    expect([...met].sort()).toEqual([...KEY_KINDS].sort());
  });

  test('two keys never have a candidate in common, whatever came before', () => {
    const owners = new Map<string, string>();
    const prior = fc.record({ owner: fc.constantFrom('a', 'b', 'a.b') });
    fc.assert(
      fc.property(anyKey, prior, (key, before) => {
        for (const tuple of candidates(key, before)) {
          expect(owners.get(keyOf(tuple)) ?? keyText(key)).toBe(keyText(key));
          owners.set(keyOf(tuple), keyText(key));
        }
      }),
      { numRuns: 2_000 },
    );
  });

  test('every tuple of a key is among its candidates, once its owner is known', () => {
    fc.assert(
      fc.property(keyedRows, (keyed) => {
        const prior = keyed.kind === 'record' && keyed.rows !== null ? { owner: keyed.rows.ownerUserId } : {};
        const possible = new Set(candidates(keyed.key, prior).map(keyOf));
        for (const tuple of project(keyed)) expect(possible).toContain(keyOf(tuple));
      }),
      { numRuns: 1_000 },
    );
  });

  test('a key never gives a tuple twice, and an own and a global assignment take different slots', () => {
    fc.assert(
      fc.property(keyedRows, (keyed) => {
        const keys = project(keyed).map(keyOf);
        expect(new Set(keys).size).toBe(keys.length);
      }),
      { numRuns: 1_000 },
    );
  });
});

describe('the way back from a tuple', () => {
  test('every projected tuple leads back to its key, with what its entry must know', () => {
    fc.assert(
      fc.property(keyedRows, (keyed) => {
        for (const tuple of project(keyed)) {
          const home = keyOfTuple(tuple);
          expect(home?.key).toEqual(keyed.key);
          expect(candidates(keyed.key, home?.prior ?? {}).map(keyOf)).toContain(keyOf(tuple));
        }
      }),
      { numRuns: 1_000 },
    );
  });

  test.each([
    ['user:*', 'a', 'role:t/r'],
    ['user:*', 'super_admin', 'platform:main'],
    ['user:u', 'super_admin', 'platform:other'],
    ['role:t/r#assignee', 'super_admin', 'platform:main'],
    ['role:other/r#assignee', 'member', 'tenant:t'],
    ['role:other/r#assignee', 'grant.claims.read', 'tenant:t'],
    ['role:t/r', 'member', 'tenant:t'],
    ['tenant:other', 'readable', 'tenant:t'],
    ['tenant:t', 'operator', 'tenant:t'],
    ['user:u', 'assignee', 'role:t/r'],
    ['user:u', 'a', 'role:r'],
    ['user:u', 'a', 'role:t/r/x'],
    ['tenant:other', 'tenant', 'profile:t/u'],
    ['user:v', 'subject', 'profile:t/u'],
    ['profile:other/m', 'manager', 'profile:t/u'],
    ['user:m', 'manager', 'profile:t/u'],
    ['profile:other/u', 'owner', 'record:t/d'],
    ['user:u', 'owner', 'record:t/d'],
    ['user:u', 'owner', 'document:d'],
    ['', '', ''],
  ])('no key could have given `%s %s %s`', (user, relation, object) => {
    expect(keyOfTuple({ user, relation, object })).toBeUndefined();
  });
});
