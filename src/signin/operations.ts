/**
 * The sign-in operations of the contract: `/auth/*` and the keys of our tokens.
 *
 * What concerns a caller's own session takes a token that was issued here; what concerns a person takes any credential
 * that names one, so that a gateway's users may change their password and ask who they are.
 */
import { createHash, timingSafeEqual } from 'node:crypto';

import type { Pool, Tx } from '../platform/postgres.js';
import type { Caller } from '../shared/caller.js';
import type { Deadline, Operations, RequestClient } from '../shared/operation.js';
import { Problem } from '../shared/problem.js';
import { slugOf } from '../shared/tenant-address.js';
import { bootstrapPlatformAdmin } from './bootstrap.js';
import { isPlatformAdmin, listRoleNames } from './claims-store.js';
import { findAccountById, holdUser } from './account-store.js';
import { insertSignInEvent } from './event-store.js';
import type { Introspect } from './introspect.js';
import type { KeyRing } from './key-ring.js';
import type { Passwords } from './passwords.js';
import { endImpersonationOf, endSession } from './session-store.js';
import type { SignIn } from './sign-in.js';
import type { Throttle } from './throttle.js';
import type { Tokens } from './tokens.js';

export interface SignInOperationsOptions {
  readonly pool: Pool;
  readonly keys: Pick<KeyRing, 'readPublicKeys'>;
  readonly tokens: Tokens;
  readonly passwords: Passwords;
  readonly signIn: SignIn;
  readonly throttle: Throttle;
  /** Where tenants have their addresses: `acme.<domain>` is the tenant `acme`. */
  readonly domain: string | undefined;
  /** Lets its holder make the first platform admin. */
  readonly bootstrapToken: string | undefined;
  readonly now: () => Date;
  /** The permissions that a user has in a tenant now. */
  readonly permissionsOf: PermissionsOf;
  /** What a token of ours stands for now. */
  readonly introspect: Introspect;
}

/** As src/decisions/own-permissions.ts finds them. */
export type PermissionsOf = (
  who: { readonly userId: string; readonly tenantId: string },
  deadline: Deadline,
) => Promise<string[]>;

const settings = { 'bailiwick.platform': 'on' };

type SignInOperation =
  | 'signIn'
  | 'renewToken'
  | 'changePassword'
  | 'signOut'
  | 'getMe'
  | 'introspectToken'
  | 'bootstrapPlatformAdmin'
  | 'getSigningKeys';

export function signInOperations(options: SignInOperationsOptions) {
  const { pool, keys, tokens, passwords, signIn, domain } = options;
  const inOne = <T>(work: (tx: Tx) => Promise<T>): Promise<T> => pool.transaction(work, { settings });
  return {
    async signIn({ body }, { client, requestId, deadline }) {
      const slug = body.tenant ?? slugOf(client?.host, domain);
      if (slug === undefined) throw addressRequired(domain);
      const { email, password } = body;
      const attempt = { slug, email, password, address: client?.address, requestId, signal: deadline.signal };
      const { accessToken, expiresAt, mustChangePassword } = await signIn(attempt);
      return { status: 200, body: { accessToken, mustChangePassword, expiresAt: expiresAt.toISOString() } };
    },
    async renewToken(_input, { caller }) {
      const { sessionId } = inSession(caller);
      const { accessToken, expiresAt, mustChangePassword } = await inOne((tx) => tokens.renewToken(tx, sessionId));
      return { status: 200, body: { accessToken, mustChangePassword, expiresAt: expiresAt.toISOString() } };
    },
    async changePassword({ body }, { caller, requestId, deadline }) {
      const { userId, impersonationId } = person(caller);
      if (impersonationId !== undefined) throw new Problem('FORBIDDEN', 'stop impersonating first');
      const { accessToken, expiresAt } = await passwords.change({
        userId,
        ...body,
        requestId,
        signal: deadline.signal,
      });
      return { status: 200, body: { accessToken, mustChangePassword: false, expiresAt: expiresAt.toISOString() } };
    },
    async signOut(_input, { caller, requestId }) {
      const { userId, tenantId, sessionId } = inSession(caller);
      // The entry of an impersonation's end names who ended it.
      const actor = { 'bailiwick.actor_user_id': userId, 'bailiwick.request_id': requestId };
      const signedOut = { type: 'SIGNED_OUT', tenantId, actorUserId: userId, at: options.now() } as const;
      await pool.transaction(
        async (tx) => {
          await holdUser(tx, userId);
          if (!(await endSession(tx, sessionId))) return;
          const impersonationId = await endImpersonationOf(tx, userId);
          await insertSignInEvent(tx, { ...signedOut, details: { requestId, impersonationId } });
        },
        { settings: { ...settings, ...actor } },
      );
      return { status: 204, body: undefined };
    },
    async getMe(_input, { caller, deadline }) {
      const { userId, tenantId } = person(caller);
      const me = await inOne((tx) => describe(tx, caller, options));
      const permissions = tenantId === undefined ? [] : await options.permissionsOf({ userId, tenantId }, deadline);
      return { status: 200, body: { ...me, permissions } };
    },
    async introspectToken({ body }, context) {
      return { status: 200, body: await options.introspect(body.token, context) };
    },
    async bootstrapPlatformAdmin({ body }, { client }) {
      const refused = await inOne((tx) => refusal(tx, { token: body.bootstrapToken, client }, options));
      if (refused !== undefined) throw refused;
      const { email, displayName = '' } = body;
      const made = await inOne((tx) =>
        bootstrapPlatformAdmin(tx, { email, displayName }, (inner, userId) =>
          passwords.setOneTimePassword(inner, userId),
        ),
      );
      return { status: 201, body: made };
    },
    async getSigningKeys() {
      return {
        status: 200,
        body: { keys: (await keys.readPublicKeys()).map(published) },
        headers: { 'cache-control': 'public, max-age=300' },
      };
    },
  } satisfies Pick<Operations, SignInOperation>;
}

/** Where nobody signs in here, because no issuer is set: what there is not. */
export function noSignIn(): Pick<Operations, SignInOperation> {
  const nothing = (): Promise<never> =>
    Promise.reject(new Problem('NOT_FOUND', 'nobody signs in here: `BAILIWICK_ISSUER` is not set'));
  return {
    signIn: nothing,
    renewToken: nothing,
    changePassword: nothing,
    signOut: nothing,
    getMe: nothing,
    introspectToken: nothing,
    bootstrapPlatformAdmin: nothing,
    getSigningKeys: () => Promise.resolve({ status: 200, body: { keys: [] } }),
  };
}

function published({ kid, kty, crv, x, y, alg, use }: Awaited<ReturnType<KeyRing['readPublicKeys']>>[number]) {
  return { kid: kid ?? '', kty: kty ?? '', crv: crv ?? '', x: x ?? '', y: y ?? '', alg: alg ?? '', use: use ?? '' };
}

function addressRequired(domain: string | undefined): Problem {
  const address =
    domain === undefined ? 'name it as `tenant`' : `sign in at \`<tenant>.${domain}\`, or name it as \`tenant\``;
  return new Problem('TENANT_ADDRESS_REQUIRED', `nothing here says which tenant you belong to: ${address}`);
}

interface Person {
  readonly userId: string;
  readonly tenantId: string | undefined;
  readonly sessionId: string | undefined;
  readonly impersonationId: string | undefined;
}

function person(caller: Caller): Person {
  if (caller.kind !== 'user') throw new Problem('FORBIDDEN', 'a service key is nobody');
  const { actorUserId: userId, tenantId, sessionId, impersonationId } = caller;
  return { userId, tenantId, sessionId, impersonationId };
}

function inSession(caller: Caller): Person & { readonly sessionId: string } {
  const { sessionId, ...who } = person(caller);
  if (sessionId === undefined) throw new Problem('FORBIDDEN', 'this takes a token that was issued here');
  return { ...who, sessionId };
}

async function describe(tx: Tx, caller: Caller, { tokens, now }: SignInOperationsOptions) {
  const { userId, tenantId = null, sessionId, impersonationId = null } = person(caller);
  const account = await findAccountById(tx, userId);
  if (account === undefined) throw new Problem('NOT_FOUND', 'there is no such user');
  const session = sessionId === undefined ? undefined : await tokens.findSession(tx, sessionId);
  const isOfTenant = tenantId !== null && account.tenantId === tenantId;
  return {
    userId,
    tenantId,
    email: account.email,
    displayName: account.displayName,
    roles: isOfTenant ? await listRoleNames(tx, { userId, tenantId, now: now() }) : [],
    isPlatformAdmin: await isPlatformAdmin(tx, userId),
    impersonationId,
    sessionExpiresAt: session?.expiresAt.toISOString() ?? null,
  };
}

/** Why the bootstrap token is not taken; undefined where it is. A wrong one counts as a failed sign-in of its source. */
async function refusal(
  tx: Tx,
  { token, client }: { token: string; client: RequestClient | undefined },
  { bootstrapToken, throttle }: SignInOperationsOptions,
): Promise<Problem | undefined> {
  const waitSeconds = await throttle.reserve(tx, client?.address);
  if (waitSeconds !== undefined) {
    return new Problem('SIGN_IN_THROTTLED', 'too many attempts have failed', { retryAfterSeconds: waitSeconds });
  }
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  const isRight = bootstrapToken !== undefined && timingSafeEqual(digest(token), digest(bootstrapToken));
  if (!isRight) return new Problem('UNAUTHENTICATED', 'the bootstrap token is not right');
  await throttle.giveBack(tx, client?.address);
  return undefined;
}
