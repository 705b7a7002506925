/**
 * What a user may do to the rows of a backend's own table, as a condition for its SQL: the whole tenant, or the owners
 * whose rows they may reach.
 *
 * A record is decided by its owner's profile or by a permission on the tenant, and by nothing else. So the condition is
 * put together from questions that exist already, each asked of the engine, passed by the gate and written down.
 * INVARIANT: it equals what `/check` allows, row by row. tests/integration/row-filter.test.ts holds it.
 */
import type { Permission, TenantPermission } from '../contract/model.js';
import type { RequestContext } from '../shared/operation.js';
import type { Checker } from './check.js';
import { decodeCursor } from './cursor.js';
import type { Lister } from './list-objects.js';
import { toQuestion } from './question.js';
import type { ListQuestion } from './question.js';

export interface RowFilterOptions {
  readonly checker: Checker;
  readonly lister: Lister;
}

export interface RowFilter {
  readonly scope: 'tenant' | 'owners';
  readonly ownerUserIds: readonly string[];
  /** Null exactly when the set is complete. */
  readonly nextCursor: string | null;
}

/** What the permission of a row comes from: that of its owner's profile, or one of these on the tenant. */
interface Source {
  readonly profile: Permission;
  readonly tenant: readonly TenantPermission[];
}

const SOURCES: Partial<Record<Permission, Source>> = {
  'profile.read': { profile: 'profile.read', tenant: ['users.read'] },
  'profile.update': { profile: 'profile.update', tenant: [] },
  'record.read': { profile: 'profile.read', tenant: ['records.read', 'users.read'] },
  'record.update': { profile: 'profile.update', tenant: [] },
};

/** The condition, or the next page of its owners. Throws Problem, as a check does. */
export async function findRowFilter(
  { question, context, cursor, limit }: FilterOrder,
  { checker, lister }: RowFilterOptions,
): Promise<RowFilter> {
  const { userId, tenantId, permission, fresh } = question;
  const source = SOURCES[permission];
  if (source === undefined) throw new Error(`what \`${permission}\` comes from is not stated`);
  const owners: ListQuestion = { userId, tenantId, permission: source.profile, type: 'profile', fresh };
  const after = cursor === undefined ? undefined : decodeCursor(owners, cursor);
  if (after === undefined) {
    for (const wide of source.tenant) {
      const asked = { ...toQuestion({ user: userId, permission: wide, tenant: tenantId }), fresh };
      const { allowed } = await checker.check(asked, { api: 'check', context });
      if (allowed) return { scope: 'tenant', ownerUserIds: [], nextCursor: null };
    }
  }
  const before = (): Promise<void> => Promise.resolve();
  const { items, nextCursor } = await lister.list(owners, { context, after, limit, before });
  return { scope: 'owners', ownerUserIds: items.map((name) => name.slice('profile:'.length)), nextCursor };
}

export interface FilterOrder {
  readonly question: ListQuestion;
  readonly context: RequestContext;
  readonly cursor: string | undefined;
  readonly limit: number;
}
