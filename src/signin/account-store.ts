/**
 * SQL of accounts: whose address it is, which password they have, and the states that administrators see.
 *
 * Every function runs in the transaction it is handed. Signing in acts for the platform, since who is asking is not known
 * yet; administrators act in their tenant, and row security shows them the accounts of its users alone.
 */
import type { Tx } from '../platform/postgres.js';

/** Somebody with the address that was typed, and their password as it is kept. */
export interface Account {
  readonly userId: string;
  readonly tenantId: string | null;
  readonly status: 'active' | 'disabled';
  readonly mustChangePassword: boolean;
  readonly tenantStatus: 'active' | 'read_only' | 'suspended' | null;
  readonly passwordHash: string | null;
  readonly oneTime: boolean | null;
}

/** What `findAccountById` says besides: what a new password may not be made of. */
export interface AccountWithNames extends Account {
  readonly email: string;
  readonly displayName: string;
  readonly tenantNames: readonly string[];
}

const ACCOUNT = `
  u.id as "userId", u.tenant_id as "tenantId", u.status, u.must_change_password as "mustChangePassword",
  t.status as "tenantStatus", c.password_hash as "passwordHash", c.one_time as "oneTime"`;
const FROM = `
  from security.app_user u left join identity.tenant t on t.id = u.tenant_id
    left join security.credential c on c.user_id = u.id`;

/** The id of the tenant with that slug. */
export async function findTenantId(tx: Tx, slug: string): Promise<string | undefined> {
  const { rows } = await tx.query<{ id: string }>({
    name: 'find-tenant-id',
    text: `select id from identity.tenant where slug = $1::text`,
    values: [slug],
  });
  return rows[0]?.id;
}

/** The account of an address, in a tenant or (null) among the platform users. */
export async function findAccount(
  tx: Tx,
  { tenantId, email }: { tenantId: string | null; email: string },
): Promise<Account | undefined> {
  const { rows } = await tx.query<Account>({
    name: 'find-account',
    text: `
      select ${ACCOUNT} ${FROM}
      where coalesce(u.tenant_id, '') = coalesce($1::text, '') and lower(u.email) = security.normal_email($2::text)`,
    values: [tenantId, email],
  });
  return rows[0];
}

/** The account of a user. */
export async function findAccountById(tx: Tx, userId: string): Promise<AccountWithNames | undefined> {
  const { rows } = await tx.query<AccountWithNames>({
    text: `
      select ${ACCOUNT}, u.email, u.display_name as "displayName",
             array_remove(array[t.slug, t.name], null) as "tenantNames" ${FROM}
      where u.id = $1::text`,
    values: [userId],
  });
  return rows[0];
}

/**
 * Holds the user until the transaction ends. INVARIANT: whoever changes a user and their password takes the user first,
 * as administrators do, so that no two of them wait for each other.
 */
export async function holdUser(tx: Tx, userId: string): Promise<void> {
  await tx.query({
    name: 'hold-user',
    text: `select from security.app_user where id = $1::text for no key update`,
    values: [userId],
  });
}

/**
 * Whether the password that was just verified is still the user's, and its one use of a one-time password where it is
 * one. Of two at the same moment exactly one hears yes.
 */
export async function claimPassword(
  tx: Tx,
  { userId, passwordHash, now }: { userId: string; passwordHash: string; now: Date },
): Promise<boolean> {
  const { rowCount } = await tx.query({
    name: 'claim-password',
    text: `
      update security.credential
      set one_time_used_at = case when one_time then $3::timestamptz end
      where user_id = $1::text and password_hash = $2::text
        and (not one_time or one_time_used_at is null and one_time_expires_at > $3::timestamptz)`,
    values: [userId, passwordHash, now],
  });
  return rowCount === 1;
}

/** Whether the password is still the user's; until the transaction ends it stays. A one-time one may have been used. */
export async function lockPassword(
  tx: Tx,
  { userId, passwordHash, now }: { userId: string; passwordHash: string; now: Date },
): Promise<boolean> {
  const { rowCount } = await tx.query({
    text: `
      select from security.credential
      where user_id = $1::text and password_hash = $2::text
        and (not one_time or one_time_expires_at > $3::timestamptz - interval '1 hour')
      for update`,
    values: [userId, passwordHash, now],
  });
  return rowCount === 1;
}

/** Writes down when somebody signed in, which is also what makes them no longer `never signed in`. */
export async function markSignedIn(tx: Tx, userId: string, now: Date): Promise<void> {
  await tx.query({
    name: 'mark-signed-in',
    text: `update security.app_user set last_sign_in_at = $2::timestamptz where id = $1::text`,
    values: [userId, now],
  });
}

/** Replaces the hash of an unchanged password, made with today's parameters. */
export async function replaceHash(tx: Tx, userId: string, hashes: { from: string; to: string }): Promise<void> {
  await tx.query({
    text: `update security.credential set password_hash = $3::text where user_id = $1::text and password_hash = $2::text`,
    values: [userId, hashes.from, hashes.to],
  });
}

/**
 * Gives a user a password, one-time until `oneTimeExpiresAt` or their own. Resolves to false where there is no such user
 * (or row security hides them).
 */
export async function setPassword(
  tx: Tx,
  password: {
    readonly userId: string;
    readonly passwordHash: string;
    readonly oneTimeExpiresAt: Date | undefined;
    readonly now: Date;
  },
): Promise<boolean> {
  const oneTime = password.oneTimeExpiresAt !== undefined;
  const { rowCount } = await tx.query({
    text: `
      update security.app_user set must_change_password = $2::boolean
      where id = $1::text`,
    values: [password.userId, oneTime],
  });
  if (rowCount === 0) return false;
  await tx.query({
    text: `
      insert into security.credential (user_id, password_hash, one_time, one_time_expires_at, changed_at)
      values ($1::text, $2::text, $3::boolean, $4::timestamptz, $5::timestamptz)
      on conflict (user_id) do update set
        password_hash = $2::text, one_time = $3::boolean, one_time_expires_at = $4::timestamptz,
        one_time_used_at = null, changed_at = $5::timestamptz`,
    values: [password.userId, password.passwordHash, oneTime, password.oneTimeExpiresAt ?? null, password.now],
  });
  return true;
}

/** What an administrator sees of a user's signing in. */
export interface SignInState {
  readonly userId: string;
  readonly hasPassword: boolean;
  readonly mustChangePassword: boolean;
  readonly lastSignInAt: Date | null;
  /** In the future: nobody signs in with this address until then, whatever the password. */
  readonly lockedUntil: Date | null;
}

/** The states of these users, at most a thousand, in no order; who is not there or not seen is left out. */
export async function listSignInStates(tx: Tx, userIds: readonly string[], now: Date): Promise<SignInState[]> {
  const { rows } = await tx.query<SignInState>({
    text: `
      select u.id as "userId", c.user_id is not null as "hasPassword", u.must_change_password as "mustChangePassword",
             u.last_sign_in_at as "lastSignInAt", f.locked_until as "lockedUntil"
      from security.app_user u
        left join security.credential c on c.user_id = u.id
        left join security.sign_in_failure f
          on f.tenant_id = coalesce(u.tenant_id, ':platform') and f.email_key = security.email_key(u.email)
             and f.locked_until > $2::timestamptz
      where u.id = any ($1::text[])
      limit 1000`,
    values: [userIds, now],
  });
  return rows;
}
