/**
 * The engine's word on the rows of a page.
 *
 * Who may read all of a tenant needs no walk through owners and managers for each row: in the model, what is the tenant's
 * may be read with a permission on the tenant. So the engine is asked for both halves, that the row's object is the
 * tenant's and that the user has the permission, and only where
 * either is not so, the whole question.
 *
 * INVARIANT: a yes is the engine's, to the question itself or to both halves of one of its ways.
 * tests/unit/confirm.test.ts holds that the model has these ways, tests/integration/decisions.test.ts the answers.
 */
import type { Permission, TenantPermission } from '../contract/model.js';
import { engineName } from '../shared/ids.js';
import type { CallOptions, EngineError, TupleKey, TupleStore } from '../shared/tuple.js';
import { questionAbout } from './question.js';
import type { ListQuestion } from './question.js';

/** `<permission>: … or <tenant permission> from tenant`, in the model. */
export const WAY_BY_TENANT: Partial<Record<Permission, TenantPermission>> = {
  'profile.read': 'users.read',
  'record.read': 'records.read',
};

export interface Confirmation {
  readonly ids: readonly string[];
  /** Whether the user is likely to reach all of the tenant, so that asking by halves is worth it. */
  readonly isWide: boolean;
  readonly at: Date;
  /** Anew for each call. */
  readonly limits: () => CallOptions;
}

/** Whether each of the objects is allowed, in order. */
export async function confirm(
  question: ListQuestion,
  { ids, isWide, at, limits }: Confirmation,
  tuples: TupleStore,
): Promise<(boolean | EngineError)[]> {
  const { permission, type } = question;
  const whole = (id: string): TupleKey => questionAbout(question, { permission, type, id });
  const ask = (keys: readonly TupleKey[]): Promise<(boolean | EngineError)[]> =>
    tuples.batchCheck(
      keys.map((key) => ({ ...key, at, fresh: question.fresh })),
      limits(),
    );
  const way = WAY_BY_TENANT[permission];
  if (!isWide || way === undefined || ids.length === 0) return await ask(ids.map(whole));
  const tenant = engineName.tenant(question.tenantId);
  const mayWide = questionAbout(question, { permission: way, type: 'tenant', id: question.tenantId });
  // beside each other, so that the one does not make another batch of the many
  const [[may], halves] = await Promise.all([
    ask([mayWide]),
    ask(ids.map((id) => ({ user: tenant, relation: 'tenant', object: whole(id).object }))),
  ]);
  if (typeof may !== 'boolean') return ids.map((id) => may ?? missing(id));
  // Where nobody answered a half, asking more would not help.
  const open = ids.filter((_, index) => !may || halves[index] === false);
  const asked = (open.length === 0 ? [] : await ask(open.map(whole))).values();
  const isOpen = new Set(open);
  return ids.map((id, index) => (isOpen.has(id) ? asked.next().value : halves[index]) ?? missing(id));
}

function missing(id: string): never {
  throw new Error(`the answer about \`${id}\` is missing`);
}
