/**
 * Where a list goes on: opaque to outsiders, base64url of a JSON array.
 *
 * It carries the question that it belongs to, so that a cursor taken to another question is refused and not misread.
 * It grants nothing (every item is confirmed anew), hence it is not signed.
 */
import { isId } from '../shared/ids.js';
import { Problem } from '../shared/problem.js';
import type { ListQuestion, UsersQuestion } from './question.js';

/** The list that a cursor goes on in. */
type Bound = Omit<ListQuestion, 'fresh'> | Omit<UsersQuestion, 'fresh'>;

/** The forms of the array; another form gets another number. */
const FORMS = { objects: 1, users: 2 };

/** A cursor that goes on after the object or user with the id `after`. */
export function encodeCursor(question: Bound, after: string): string {
  return Buffer.from(JSON.stringify([...bindingOf(question), after])).toString('base64url');
}

/** The id to go on after. Throws Problem INVALID_REQUEST naming `cursor`. */
export function decodeCursor(question: Bound, cursor: string): string {
  const parts = parse(cursor);
  const after = parts?.at(-1);
  const binding = bindingOf(question);
  const isOurs = parts?.length === binding.length + 1 && binding.every((part, index) => part === parts[index]);
  if (isOurs && isId(after)) return after;
  const errors = [{ field: 'cursor', message: 'is not the `nextCursor` of a page of this very list' }];
  throw new Problem('INVALID_REQUEST', '`cursor` is not the `nextCursor` of a page of this very list', { errors });
}

function bindingOf(question: Bound): readonly (string | number)[] {
  const { tenantId, type, permission } = question;
  if ('userId' in question) return [FORMS.objects, tenantId, type, permission, question.userId];
  return [FORMS.users, tenantId, permission, question.object];
}

function parse(cursor: string): readonly unknown[] | undefined {
  // Node's decoder skips what is not base64url: one cursor, one spelling
  const bytes = Buffer.from(cursor, 'base64url');
  if (bytes.toString('base64url') !== cursor) return undefined;
  try {
    const parts: unknown = JSON.parse(bytes.toString('utf8'));
    return Array.isArray(parts) ? parts : undefined;
  } catch {
    return undefined;
  }
}
