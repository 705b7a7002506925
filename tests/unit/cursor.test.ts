import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { decodeCursor, encodeCursor } from '../../src/decisions/cursor.js';
import type { ListQuestion, UsersQuestion } from '../../src/decisions/question.js';
import { ID_PATTERN } from '../../src/shared/ids.js';
import { Problem } from '../../src/shared/problem.js';

const list: ListQuestion = { userId: 'ann', tenantId: 't1', permission: 'record.read', type: 'record', fresh: false };
const text = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

function refusal(question: ListQuestion, cursor: string): unknown {
  try {
    return decodeCursor(question, cursor);
  } catch (error) {
    return error;
  }
}

describe('a cursor', () => {
  test('says where its list goes on, and fits the contract', () => {
    const id = fc.stringMatching(ID_PATTERN);
    fc.assert(
      fc.property(id, id, id, (userId, tenantId, after) => {
        const cursor = encodeCursor({ ...list, userId, tenantId }, after);
        expect(cursor).toMatch(/^[!-~]{1,1024}$/);
        expect(decodeCursor({ ...list, userId, tenantId }, cursor)).toBe(after);
      }),
    );
  });

  test.each<Partial<ListQuestion>>([
    { userId: 'bob' },
    { tenantId: 't2' },
    { permission: 'record.update' },
    { permission: 'profile.read', type: 'profile' },
  ])('is refused by the list of %j', (other) => {
    expect(refusal({ ...list, ...other }, encodeCursor(list, 'deal-1'))).toBeInstanceOf(Problem);
  });

  test.each([
    '',
    'x',
    '!!!',
    text({}),
    text(null),
    text([]),
    text([1, 't1', 'record', 'record.read', 'ann']),
    text([2, 't1', 'record', 'record.read', 'ann', 'deal-1']),
    text([1, 't1', 'record', 'record.read', 'ann', 'deal-1', 'more']),
    text([1, 't1', 'record', 'record.read', 'ann', '']),
    text([1, 't1', 'record', 'record.read', 'ann', "' or true --"]),
    text([1, 't1', 'record', 'record.read', 'ann', 7]),
    `${encodeCursor(list, 'deal-1')}=`,
    `${encodeCursor(list, 'deal-1')} `,
    encodeCursor(list, 'deal-1').slice(0, -1),
  ])('is not %j', (cursor) => {
    const error = refusal(list, cursor);
    expect(error).toMatchObject({ code: 'INVALID_REQUEST', errors: [{ field: 'cursor' }] });
  });

  test('of a list of users goes on there alone', () => {
    const users: UsersQuestion = {
      tenantId: 't1',
      permission: 'record.read',
      object: 'record:deal-1',
      type: 'record',
      objectId: 'deal-1',
      fresh: false,
    };
    const cursor = encodeCursor(users, 'ann');
    expect(decodeCursor(users, cursor)).toBe('ann');
    expect(() => decodeCursor({ ...users, object: 'record:deal-2' }, cursor)).toThrow(Problem);
    expect(() => decodeCursor({ ...users, permission: 'record.update' }, cursor)).toThrow(Problem);
    expect(() => decodeCursor(list, cursor)).toThrow(Problem);
    expect(() => decodeCursor(users, encodeCursor(list, 'ann'))).toThrow(Problem);
  });
});
