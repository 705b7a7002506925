/** People who can sign in, and the requests that they make: for the tests of everything at the door. */
import { hashPassword } from '../../src/platform/password-hash.js';
import type { Me, SignInResult } from '../../src/contract/api.js';
import type { Answered, RequestMore, RunningService } from './service.js';
import type { World } from './world.js';

/** Nobody guesses it, and the rules take it. */
export const PASSWORD = 'plum violin over the quiet harbour';
export const ANOTHER = 'seven lanterns beside a wooden bridge';

/** A user with a password of their own; `tenantId` null is a platform user. Their address is `<userId>@example.com`. */
export async function addPerson(
  world: World,
  person: { tenantId: string | null; userId: string; password?: string; roles?: readonly string[] },
): Promise<void> {
  await world.addUser(person.tenantId, person.userId, person.roles);
  await setHash(world, person.userId, await hashPassword(person.password ?? PASSWORD));
}

/** Gives a user a password as the database keeps it: one hash will do for many. */
export async function setHash(world: World, userId: string, hash: string): Promise<void> {
  await world.sql(`insert into security.credential (user_id, password_hash) values ($1, $2)`, [userId, hash]);
}

export const emailOf = (userId: string): string => `${userId}@example.com`;

export interface Typed {
  readonly tenant?: string;
  readonly email: string;
  readonly password?: string;
}

export function signIn(
  service: RunningService,
  typed: Typed,
  more: Omit<RequestMore, 'as'> = {},
): Promise<Answered<SignInResult>> {
  const body = { password: PASSWORD, ...typed };
  return service.request('/auth/login', body, { timeoutMs: 10_000, ...more, as: 'nobody' });
}

/** A token of somebody who can sign in; fails where they cannot. */
export async function tokenOf(service: RunningService, typed: Typed): Promise<string> {
  const { status, body } = await signIn(service, typed);
  if (status !== 200 || body.accessToken === undefined) throw new Error(`signing in answered ${String(status)}`);
  return body.accessToken;
}

export function getMe(service: RunningService, token: string): Promise<Answered<Me>> {
  return service.get('/auth/me', { as: { key: token } });
}

export function changePassword(
  service: RunningService,
  token: string,
  body: { currentPassword: string; newPassword: string },
): Promise<Answered<SignInResult>> {
  return service.request('/auth/change-password', body, { as: { key: token }, timeoutMs: 10_000 });
}

/** What a token says; it is not verified. */
export function claimsOf(token: string): Record<string, unknown> {
  return JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as Record<string, unknown>;
}

/** The events of a tenant (`platform`: of platform users), oldest first. */
export async function eventsOf(
  world: World,
  tenantId: string,
): Promise<{ type: string; actor: string | null; details: Record<string, unknown> }[]> {
  return await world.sql(
    `select event_type as type, actor_user_id as actor, details from identity.tenant_audit
     where tenant_id = $1 order by id`,
    [tenantId],
  );
}
