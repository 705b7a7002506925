/**
 * The way back: which key a stored tuple belongs to. Reconcile uses it to hand a tuple that no row explains to the
 * projector; a tuple of no key at all is a stray, and can only be deleted as it stands.
 *
 * INVARIANT: for every tuple that `project` gives, `keyOfTuple` gives its key. tests/unit/projection.test.ts.
 */
import { PLATFORM_OBJECT } from '../shared/ids.js';
import { keyOf } from '../shared/tuple.js';
import type { TupleKey } from '../shared/tuple.js';
import { candidates } from './projection.js';
import type { Key, KeyKind, Prior } from './projection.js';

/** The key that could have given the tuple, and what its outbox entry must know of it; undefined: none could. */
export function keyOfTuple(tuple: TupleKey): { key: Key; prior: Prior } | undefined {
  const guess = guessKey(tuple);
  if (guess === undefined) return undefined;
  const owner = guess.kind === 'record' && tuple.relation === 'owner' ? nameIn('profile', tuple.user) : undefined;
  const prior: Prior = owner === undefined ? {} : { owner: owner.id };
  // Only what the key itself would have written is its own: everything else is a stray that looks like it.
  return candidates(guess, prior).some((candidate) => keyOf(candidate) === keyOf(tuple))
    ? { key: guess, prior }
    : undefined;
}

function guessKey({ user, relation, object }: TupleKey): Key | undefined {
  const make = (kind: KeyKind, tenantId: string, ids: readonly (string | undefined)[]): Key => ({
    kind,
    tenantId,
    a: ids[0] ?? '',
    b: ids[1] ?? '',
  });
  if (object === PLATFORM_OBJECT) return make('platform_admin', '', [user.slice('user:'.length)]);
  if (object.startsWith('tenant:')) {
    const tenantId = object.slice('tenant:'.length);
    const role = nameIn('role', user.replace(/#assignee$/, ''));
    if (relation === 'member') return make('role', tenantId, [role?.id]);
    if (relation.startsWith('grant.')) {
      return make('role_permission', tenantId, [role?.id, relation.slice('grant.'.length)]);
    }
    return make('tenant', tenantId, []);
  }
  const role = nameIn('role', object);
  if (role !== undefined) return make('user_role', role.tenantId, [user.slice('user:'.length), role.id]);
  const profile = nameIn('profile', object);
  if (profile !== undefined) {
    return relation === 'manager'
      ? make('user_assignment', profile.tenantId, [nameIn('profile', user)?.id, profile.id])
      : make('profile', profile.tenantId, [profile.id]);
  }
  const record = nameIn('record', object);
  return record === undefined ? undefined : make('record', record.tenantId, [record.id]);
}

function nameIn(type: string, name: string): { tenantId: string; id: string } | undefined {
  const [tenantId, id, more] = name.slice(type.length + 1).split('/');
  if (!name.startsWith(`${type}:`) || tenantId === undefined || id === undefined || more !== undefined)
    return undefined;
  return { tenantId, id };
}
