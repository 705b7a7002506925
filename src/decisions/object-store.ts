/**
 * The rows that a list goes over. A page is found in Postgres, where it is ordered and complete, and decided by the
 * engine: these statements only leave out what cannot be allowed, they never allow.
 *
 * Every statement runs in a transaction whose `bailiwick.tenant_id` is the tenant, as row security demands.
 */
import type { Tx } from '../platform/postgres.js';
import type { ListedType } from './question.js';

/** How far the subject may reach at most: everything in the tenant, or themselves with or without those below. */
export type Scope = 'tenant' | 'team' | 'own';

export interface CandidatePage {
  readonly tenantId: string;
  readonly userId: string;
  readonly scope: Scope;
  /** The moment that assignments must be in force at. */
  readonly at: Date;
  /** The id after which the page begins; undefined begins the list. */
  readonly after: string | undefined;
  readonly limit: number;
}

/** The ids of at most `limit` objects that may be allowed, in order. */
export async function listCandidateIds(tx: Tx, type: ListedType, page: CandidatePage): Promise<string[]> {
  const { after = '', limit, tenantId } = page;
  const values =
    page.scope === 'tenant'
      ? [tenantId, after, limit]
      : [tenantId, after, limit, page.userId, page.scope === 'team', page.at.toISOString()];
  const { rows } = await tx.query<{ id: string }>({
    name: `list-${type}-${page.scope === 'tenant' ? 'all' : 'reached'}`,
    text: page.scope === 'tenant' ? ALL[type] : REACHED[type],
    values,
  });
  return rows.map((row) => row.id);
}

const ALL = {
  profile: `
    select id from security.app_user
    where tenant_id = $1::text and id > $2::text
    order by id limit $3::int`,
  record: `
    select id from security.record
    where tenant_id = $1::text and id > $2::text
    order by id limit $3::int`,
} as const;

/** The subject and, for a team, whoever is below them at that moment, however far; `union` ends a ring. */
const REACH = `
  with recursive reach (user_id) as (
    select $4::text
    union
    select ua.assigned_user_id
    from reach r join security.user_assignment ua on ua.user_id = r.user_id and ua.tenant_id = $1::text
    where $5::boolean
      and (ua.valid_from is null or ua.valid_from <= $6::timestamptz)
      and (ua.expires_at is null or ua.expires_at > $6::timestamptz)
  )`;

const REACHED = {
  profile: `${REACH}
    select u.id from security.app_user u join reach r on r.user_id = u.id
    where u.tenant_id = $1::text and u.id > $2::text
    order by u.id limit $3::int`,
  record: `${REACH}
    select o.id from security.record o join reach r on r.user_id = o.owner_user_id
    where o.tenant_id = $1::text and o.id > $2::text
    order by o.id limit $3::int`,
} as const;
