import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { catalogue } from '../../src/contract/model.js';
import { toListQuestion, toQuestion } from '../../src/decisions/question.js';
import { ID_PATTERN } from '../../src/shared/ids.js';
import { Problem } from '../../src/shared/problem.js';
import { keyOf } from '../../src/shared/tuple.js';

const asked = { user: 'ann', permission: 'users.read', tenant: 't1' };

/** The fields that a refusal names. */
function faultsOf(ask: () => unknown): string[] {
  try {
    ask();
  } catch (error) {
    if (error instanceof Problem && error.code === 'INVALID_REQUEST') return error.errors.map(({ field }) => field);
    throw error;
  }
  return [];
}

describe('a check', () => {
  test.each([
    { what: 'about the tenant', more: {}, object: 'tenant:t1', key: 'user:ann users.read tenant:t1' },
    {
      what: 'about a profile',
      more: { permission: 'profile.read', object: 'profile:bob' },
      object: 'profile:bob',
      key: 'user:ann profile.read profile:t1/bob',
    },
    {
      what: 'about a record',
      more: { permission: 'record.update', object: 'record:deal-1' },
      object: 'record:deal-1',
      key: 'user:ann record.update record:t1/deal-1',
    },
  ])('$what names the tenant to the engine', ({ more, object, key }) => {
    const question = toQuestion({ ...asked, ...more });
    expect(question).toMatchObject({ userId: 'ann', tenantId: 't1', object });
    expect(keyOf(question.tuple)).toBe(key);
  });

  test.each([
    { more: { permission: 'users.fly' }, fields: ['permission'] },
    { more: { permission: 'grant.users.read' }, fields: ['permission'] },
    { more: { permission: 'readable' }, fields: ['permission'] },
    { more: { permission: 'assignee' }, fields: ['permission'] },
    { more: { permission: 'constructor' }, fields: ['permission'] },
    { more: { user: '*' }, fields: ['user'] },
    { more: { user: 'a#member' }, fields: ['user'] },
    { more: { user: 'role:x#assignee' }, fields: ['user'] },
    { more: { user: 't2/ann' }, fields: ['user'] },
    { more: { user: `ann${String.fromCharCode(0)}` }, fields: ['user'] },
    { more: { user: `ann\n` }, fields: ['user'] },
    { more: { user: '🦆' }, fields: ['user'] },
    { more: { tenant: 't1 ' }, fields: ['tenant'] },
    { more: { tenant: 'x'.repeat(121) }, fields: ['tenant'] },
    { more: { object: 'tenant:t1' }, fields: ['object'] },
    { more: { object: 'record:1' }, fields: ['object'] },
    { more: { permission: 'profile.read' }, fields: ['object'] },
    { more: { permission: 'profile.read', object: 'record:1' }, fields: ['object'] },
    { more: { permission: 'profile.read', object: 'profile:' }, fields: ['object'] },
    { more: { permission: 'profile.read', object: 'profile:t2/bob' }, fields: ['object'] },
    { more: { permission: 'profile.read', object: 'profile:*' }, fields: ['object'] },
    { more: { permission: 'record.read', object: 'record:a#owner' }, fields: ['object'] },
    { more: { user: '', permission: 'x', tenant: '' }, fields: ['user', 'permission', 'tenant'] },
  ])('of $more is refused, naming $fields', ({ more, fields }) => {
    expect(faultsOf(() => toQuestion({ ...asked, ...more }))).toEqual(fields);
  });

  test('may be about every permission of the catalogue', () => {
    for (const { id, objectType } of catalogue) {
      const object = objectType === 'tenant' ? {} : { object: `${objectType}:x` };
      expect(toQuestion({ ...asked, permission: id, ...object }).tuple.relation).toBe(id);
    }
  });

  test('never means the same tuple as another', () => {
    const id = fc.stringMatching(ID_PATTERN);
    const ask = fc.record({ user: id, tenant: id, object: id.map((name) => `record:${name}`) });
    fc.assert(
      fc.property(ask, ask, (one, other) => {
        const keys = [one, other].map((each) => keyOf(toQuestion({ ...each, permission: 'record.read' }).tuple));
        expect(keys[0] === keys[1]).toBe(JSON.stringify(one) === JSON.stringify(other));
      }),
    );
  });
});

describe('a list', () => {
  test('is of the type that its permission is about', () => {
    const question = toListQuestion({ ...asked, permission: 'record.read', type: 'record' });
    expect(question).toEqual({
      userId: 'ann',
      tenantId: 't1',
      permission: 'record.read',
      type: 'record',
      fresh: false,
    });
  });

  test.each([
    { more: { permission: 'users.read', type: 'record' as const }, fields: ['type'] },
    { more: { permission: 'profile.read', type: 'record' as const }, fields: ['type'] },
    { more: { permission: 'nothing', type: 'record' as const }, fields: ['permission'] },
    { more: { permission: 'record.read', type: 'record' as const, user: '*' }, fields: ['user'] },
  ])('of $more is refused, naming $fields', ({ more, fields }) => {
    expect(faultsOf(() => toListQuestion({ ...asked, ...more }))).toEqual(fields);
  });
});
