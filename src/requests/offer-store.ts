/**
 * SQL for what a user may choose from when they ask for a role, hand one on or take one: the roles, and the people.
 *
 * What is offered is what the triggers of migrations/0022 to 0024 do not refuse for what is known beforehand; they judge
 * the request itself, whatever was offered.
 */
import type { Tx } from '../platform/postgres.js';

export type OfferedFor = 'elevation' | 'delegation' | 'emergency';

export interface OfferedRoleRow {
  readonly id: string;
  readonly roleName: string;
  readonly description: string;
}

export interface OfferedPersonRow {
  readonly id: string;
  readonly displayName: string;
  /** Its name as the list is ordered by: a long one is cut, so that a cursor holds it. */
  readonly place: string;
}

/** The status of the tenant; undefined where the user is no enabled user of it. */
export async function findTenantStatusOf(
  tx: Tx,
  tenantId: string,
  userId: string,
): Promise<'active' | 'read_only' | 'suspended' | undefined> {
  const { rows } = await tx.query<{ status: 'active' | 'read_only' | 'suspended' }>({
    name: 'find-tenant-status-of',
    text: `
      select t.status from security.app_user u join identity.tenant t on t.id = u.tenant_id
      where u.tenant_id = $1::text and u.id = $2::text and u.status = 'active'`,
    values: [tenantId, userId],
  });
  return rows[0]?.status;
}

/** Whether the user is an enabled platform admin. */
export async function isPlatformAdmin(tx: Tx, userId: string): Promise<boolean> {
  const { rows } = await tx.query<{ isAdmin: boolean }>({
    text: `select security.is_platform_admin($1::text) as "isAdmin"`,
    values: [userId],
  });
  return rows[0]?.isAdmin === true;
}

/** Whether `$2` has the role `r`: now, or (`STANDING`) now or in a time to come. */
const OF_ROLE = `ur.user_id = $2::text and ur.revoked_at is null
  and (ur.role_id = r.id or ur.role_id is null and ur.role_name = r.name and r.is_system)
  and (ur.expires_at is null or ur.expires_at > clock_timestamp())`;
const STANDING = `exists (select from security.user_role ur where ${OF_ROLE})`;
const HELD = `exists (select from security.user_role ur
  where ${OF_ROLE} and (ur.valid_from is null or ur.valid_from <= clock_timestamp()))`;

const OFFERED: Readonly<Record<OfferedFor, string>> = {
  elevation: `not ${STANDING} and not exists (
    select from security.elevation e
    where e.user_id = $2::text and e.role_id = r.id and e.status = 'pending' and e.answer_by > clock_timestamp())`,
  delegation: HELD,
  emergency: `not ${STANDING} and exists (
    select from security.emergency_role e
    where e.tenant_id = $1::text and e.role_id = r.id
      and exists (select from security.role r where r.id = e.holder_role_id and ${HELD}))`,
};

/** Roles of the tenant by name. */
export async function listOfferedRoles(
  tx: Tx,
  page: {
    readonly tenantId: string;
    readonly userId: string;
    readonly offeredFor: OfferedFor;
    /** The name that the page follows; '' at the beginning. */
    readonly after: string;
    readonly limit: number;
  },
): Promise<OfferedRoleRow[]> {
  const { rows } = await tx.query<OfferedRoleRow>({
    text: `
      select r.id, r.name as "roleName", r.description from security.role r
      where r.tenant_id = $1::text and r.name > $3::text and ${OFFERED[page.offeredFor]}
      order by r.name limit $4::int`,
    values: [page.tenantId, page.userId, page.after, page.limit],
  });
  return rows;
}

/** Enabled users of the tenant but for one, by name; nobody is found by anything else of theirs. */
export async function listOfferedPeople(
  tx: Tx,
  page: {
    readonly tenantId: string;
    readonly butUserId: string;
    readonly namePrefix: string | undefined;
    readonly after: { readonly place: string; readonly id: string } | undefined;
    readonly limit: number;
  },
): Promise<OfferedPersonRow[]> {
  const { rows } = await tx.query<OfferedPersonRow>({
    text: `
      select p.* from (
        select u.id, u.display_name as "displayName", lower(left(u.display_name, 80)) as place from security.app_user u
        where u.tenant_id = $1::text and u.id <> $2::text and u.status = 'active'
          and ($3::text is null or strpos(' ' || lower(u.display_name), ' ' || lower($3::text)) > 0)) p
      where $4::text is null or (p.place, p.id) > ($4::text, $5::text)
      order by p.place, p.id limit $6::int`,
    values: [
      page.tenantId,
      page.butUserId,
      page.namePrefix ?? null,
      page.after?.place ?? null,
      page.after?.id ?? null,
      page.limit,
    ],
  });
  return rows;
}
