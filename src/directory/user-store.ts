/**
 * SQL for `security.app_user`: the people of a tenant, and the states that administrators look for.
 *
 * Every statement runs in a transaction whose `bailiwick.tenant_id` is the tenant, as row security demands.
 */
import type { Tx } from '../platform/postgres.js';

export type UserState = 'disabled' | 'locked' | 'must_change' | 'never_signed_in' | 'no_role';

export interface UserRow {
  readonly id: string;
  readonly email: string;
  readonly displayName: string;
  readonly status: 'active' | 'disabled';
  readonly states: UserState[];
  /** Of assignments that have not ended, global ones included. */
  readonly roleNames: string[];
  readonly lastSignInAt: Date | null;
  readonly lockedUntil: Date | null;
  readonly createdAt: Date;
}

/** `$1` is the tenant, `$2` the moment. */
const USERS = `
  select u.id, u.email, u.display_name as "displayName", u.status, u.last_sign_in_at as "lastSignInAt",
         u.created_at as "createdAt", f.locked_until as "lockedUntil", held.names as "roleNames",
         array_remove(array[
           case when u.status = 'disabled' then 'disabled' end,
           case when f.locked_until is not null then 'locked' end,
           case when u.must_change_password then 'must_change' end,
           case when u.last_sign_in_at is null then 'never_signed_in' end,
           case when cardinality(held.names) = 0 then 'no_role' end], null) as states
  from security.app_user u
    left join security.sign_in_failure f
      on f.tenant_id = u.tenant_id and f.email_key = security.email_key(u.email) and f.locked_until > $2::timestamptz
    cross join lateral (
      select array(select distinct r.name from security.user_role ur
                     join security.role r on r.tenant_id = u.tenant_id
                       and (r.id = ur.role_id or ur.role_id is null and r.name = ur.role_name and r.is_system)
                   where ur.user_id = u.id and ur.revoked_at is null
                     and (ur.expires_at is null or ur.expires_at > $2::timestamptz)
                   order by r.name) as names) held
  where u.tenant_id = $1::text`;

export interface UserPage {
  readonly tenantId: string;
  readonly now: Date;
  /** A part of the e-mail address or of the display name. */
  readonly search: string | undefined;
  readonly state: UserState | undefined;
  /** The address that the page follows, in lower case; '' at the beginning. */
  readonly after: string;
  readonly limit: number;
}

/** At most `limit` users, by address; no two of a tenant have the same. */
export async function listUsers(tx: Tx, page: UserPage): Promise<(UserRow & { readonly place: string })[]> {
  const { rows } = await tx.query<UserRow & { place: string }>({
    text: `
      select listed.*, lower(listed.email) as place from (${USERS}
        and coalesce(u.tenant_id, '') = $1::text and lower(u.email) > $3::text
        and ($4::text is null or strpos(lower(u.email), lower($4::text)) > 0
             or strpos(lower(u.display_name), lower($4::text)) > 0)) listed
      where $5::text is null or $5::text = any (listed.states)
      order by lower(listed.email) limit $6::int`,
    values: [page.tenantId, page.now, page.after, page.search ?? null, page.state ?? null, page.limit],
  });
  return rows;
}

export async function findUser(
  tx: Tx,
  { tenantId, userId, now }: { tenantId: string; userId: string; now: Date },
): Promise<UserRow | undefined> {
  const { rows } = await tx.query<UserRow>({
    name: 'find-user',
    text: `${USERS} and u.id = $3::text`,
    values: [tenantId, now, userId],
  });
  return rows[0];
}

export interface ProfileRow {
  readonly userId: string;
  readonly email: string;
  readonly displayName: string;
}

export async function findProfile(tx: Tx, tenantId: string, userId: string): Promise<ProfileRow | undefined> {
  const { rows } = await tx.query<ProfileRow>({
    name: 'find-profile',
    text: `
      select id as "userId", email, display_name as "displayName"
      from security.app_user where tenant_id = $1::text and id = $2::text`,
    values: [tenantId, userId],
  });
  return rows[0];
}

/** Holds the user against every other change until the transaction ends; resolves to whether the tenant has them. */
export async function lockUser(tx: Tx, tenantId: string, userId: string): Promise<boolean> {
  const { rowCount } = await tx.query({
    text: `select from security.app_user where tenant_id = $1::text and id = $2::text for update`,
    values: [tenantId, userId],
  });
  return rowCount === 1;
}

export async function insertUser(
  tx: Tx,
  user: { readonly tenantId: string; readonly email: string; readonly displayName: string },
): Promise<string> {
  const { rows } = await tx.query<{ id: string }>({
    text: `
      insert into security.app_user (tenant_id, email, display_name) values ($1::text, $2::text, $3::text) returning id`,
    values: [user.tenantId, user.email, user.displayName],
  });
  if (rows[0] === undefined) throw new Error('the new user has no id');
  return rows[0].id;
}

/** Assigns roles of the tenant from now on; resolves to how many of them there are. */
export async function insertUserRoles(
  tx: Tx,
  { tenantId, userId, roleIds }: { tenantId: string; userId: string; roleIds: readonly string[] },
): Promise<number> {
  const { rowCount } = await tx.query({
    text: `
      insert into security.user_role (user_id, role_id, tenant_id)
      select $2::text, r.id, r.tenant_id from security.role r
      where r.tenant_id = $1::text and r.id = any ($3::text[]) order by r.id`,
    values: [tenantId, userId, roleIds],
  });
  return rowCount;
}

/** What is to change; what is left out stays. */
export interface UserChange {
  readonly email?: string | undefined;
  readonly displayName?: string | undefined;
  readonly status?: UserRow['status'] | undefined;
}

/** Where nothing changes, nothing is written. */
export async function updateUser(tx: Tx, userId: string, change: UserChange): Promise<void> {
  await tx.query({
    text: `
      update security.app_user u set email = wanted.email, display_name = wanted.display_name, status = wanted.status
      from (select coalesce($2::text, s.email) as email, coalesce($3::text, s.display_name) as display_name,
                   coalesce($4::text, s.status) as status
            from security.app_user s where s.id = $1::text) wanted
      where u.id = $1::text
        and (u.email, u.display_name, u.status) is distinct from (wanted.email, wanted.display_name, wanted.status)`,
    values: [userId, change.email ?? null, change.displayName ?? null, change.status ?? null],
  });
}

/** Gives the records of a user to another one of the tenant; resolves to how many there were. */
export async function transferRecords(tx: Tx, owner: { from: string; to: string; tenantId: string }): Promise<number> {
  const { rowCount } = await tx.query({
    text: `
      update security.record set owner_user_id = $3::text where tenant_id = $1::text and owner_user_id = $2::text`,
    values: [owner.tenantId, owner.from, owner.to],
  });
  return rowCount;
}

export async function countRecords(tx: Tx, tenantId: string, userId: string): Promise<number> {
  const { rows } = await tx.query<{ count: number }>({
    text: `
      select count(*)::int as count from security.record where tenant_id = $1::text and owner_user_id = $2::text`,
    values: [tenantId, userId],
  });
  return rows[0]?.count ?? 0;
}

/** Removes a user with all that hangs on them but records; resolves to whether the tenant had them. */
export async function removeUser(tx: Tx, tenantId: string, userId: string): Promise<boolean> {
  const { rows } = await tx.query<{ removed: boolean }>({
    text: `select security.remove_user($1::text, $2::text) as removed`,
    values: [tenantId, userId],
  });
  return rows[0]?.removed === true;
}

/** Writes down that the lock of a user's failed sign-ins was ended. */
export async function noteUnlock(tx: Tx, userId: string): Promise<void> {
  await tx.query({ text: `select audit.note_unlock($1::text)`, values: [userId] });
}

/** What is said of a tenant in a mail to one of its users, and whether their passwords are shown to administrators. */
export async function findMailFacts(
  tx: Tx,
  tenantId: string,
  userId: string,
): Promise<
  | {
      readonly email: string;
      readonly displayName: string;
      readonly tenantName: string;
      readonly slug: string;
      readonly showOneTimePasswords: boolean;
    }
  | undefined
> {
  const { rows } = await tx.query<{
    email: string;
    displayName: string;
    tenantName: string;
    slug: string;
    showOneTimePasswords: boolean;
  }>({
    text: `
      select u.email, u.display_name as "displayName", t.name as "tenantName", t.slug,
             t.show_one_time_passwords as "showOneTimePasswords"
      from security.app_user u join identity.tenant t on t.id = u.tenant_id
      where u.tenant_id = $1::text and u.id = $2::text`,
    values: [tenantId, userId],
  });
  return rows[0];
}
