/**
 * Passwords as they are given: one-time ones by administrators, their own by people.
 *
 * An administrator never chooses a password: they get a one-time one to hand over, which works once, for a day, and for
 * nothing but choosing another. Whoever gives or changes a password ends every session that stood on the old one.
 */
import type { PasswordHasher } from '../platform/password-hash.js';
import type { Pool, Tx } from '../platform/postgres.js';
import { Problem } from '../shared/problem.js';
import { findAccountById, holdUser, lockPassword, setPassword } from './account-store.js';
import type { AccountWithNames } from './account-store.js';
import { clearFailures, clearFailuresOf, reserveAttempt, returnAttempt } from './attempt-store.js';
import { insertSignInEvent } from './event-store.js';
import { newOneTimePassword, ONE_TIME_HOURS, pasted } from './one-time-password.js';
import { normalPassword } from './password-rules.js';
import type { JudgePassword } from './password-rules.js';
import { endImpersonationOf, endSessionsOf } from './session-store.js';
import { locked, tooLate } from './sign-in.js';
import type { IssuedToken, Tokens } from './tokens.js';

export interface Passwords {
  /**
   * Gives the user a new one-time password, shown this once: at least 128 random bits, for one sign-in within a day,
   * after which they must choose their own. Ends their sessions. `tx` acts in the user's tenant or for the platform.
   * Throws Problem NOT_FOUND where it sees no such user, SIGN_IN_BUSY where too many passwords are being worked on.
   */
  setOneTimePassword(tx: Tx, userId: string): Promise<{ readonly oneTimePassword: string }>;
  /** Ends the lock that failures brought; resolves to whether there were any. */
  unlock(tx: Tx, userId: string): Promise<boolean>;
  /** Ends every session of the user, here and now; resolves to how many stood. */
  revokeSessions(tx: Tx, userId: string): Promise<number>;
  /** Changes the caller's own password and opens the one session that is left. */
  change(wanted: Change): Promise<IssuedToken>;
}

export interface Change {
  readonly userId: string;
  readonly currentPassword: string;
  readonly newPassword: string;
  readonly requestId: string;
  readonly signal: AbortSignal;
}

export interface PasswordsOptions {
  readonly pool: Pool;
  readonly hasher: PasswordHasher;
  readonly judge: JudgePassword;
  readonly tokens: Pick<Tokens, 'issueToken'>;
  readonly now: () => Date;
}

const settings = { 'bailiwick.platform': 'on' };
const HOUR_MS = 3_600_000;
/** An administrator's request waits no longer for its turn. */
const ADMIN_WAIT_MS = 5_000;

export function createPasswords(options: PasswordsOptions): Passwords {
  const { hasher, now } = options;
  return {
    async setOneTimePassword(tx, userId) {
      const place = hasher.admit();
      const hash = (text: string): Promise<string> => place.hash(text, AbortSignal.timeout(ADMIN_WAIT_MS));
      try {
        return await giveOneTimePassword(tx, userId, { hash, now: now() });
      } finally {
        place.release();
      }
    },
    unlock: clearFailuresOf,
    revokeSessions: endSessionsOf,
    change: (wanted) => change(wanted, options),
  };
}

/** What `setOneTimePassword` does, for a program that hashes by itself. */
export async function giveOneTimePassword(
  tx: Tx,
  userId: string,
  { hash, now }: { hash: (text: string) => Promise<string>; now: Date },
): Promise<{ readonly oneTimePassword: string }> {
  const oneTimePassword = newOneTimePassword();
  const passwordHash = await hash(oneTimePassword);
  const oneTimeExpiresAt = new Date(now.getTime() + ONE_TIME_HOURS * HOUR_MS);
  if (!(await setPassword(tx, { userId, passwordHash, oneTimeExpiresAt, now }))) {
    throw new Problem('NOT_FOUND', 'there is no such user');
  }
  await endSessionsOf(tx, userId);
  await clearFailuresOf(tx, userId);
  return { oneTimePassword };
}

/** The same steps as a sign-in, and the same care: counted first, looked at once. */
async function change(wanted: Change, options: PasswordsOptions): Promise<IssuedToken> {
  const { pool, hasher, now } = options;
  const { userId, signal } = wanted;
  const inOne = <T>(work: (tx: Tx) => Promise<T>): Promise<T> => pool.transaction(work, { settings });
  const place = hasher.admit();
  try {
    const { account, counted } = await inOne((tx) => reserve(tx, userId, now()));
    const current = normalPassword(wanted.currentPassword);
    const text = account.oneTime === true ? pasted(current) : current;
    const newPassword = normalPassword(wanted.newPassword);
    const giveBack = async (error: unknown): Promise<never> => {
      await inOne((tx) => returnAttempt(tx, counted));
      throw signal.aborted ? tooLate(error) : error;
    };
    const passwordHash = account.passwordHash ?? undefined;
    const matches = await place.verify(passwordHash, text, signal).catch(giveBack);
    if (!matches || passwordHash === undefined) {
      throw new Problem('CURRENT_PASSWORD_WRONG', 'the current password is not right');
    }
    // From here on it is no guess.
    await inOne((tx) => clearFailures(tx, counted));
    requireAcceptable(newPassword, { current: text, account, judge: options.judge });
    const fresh = await place.hash(newPassword, signal).catch((error: unknown) => {
      throw signal.aborted ? tooLate(error) : error;
    });
    // The entry that the change of the user's row writes names who made it.
    const actor = { 'bailiwick.actor_user_id': userId, 'bailiwick.request_id': wanted.requestId };
    const change = { wanted, account, from: passwordHash, to: fresh };
    return await pool.transaction((tx) => replace(tx, change, options), { settings: { ...settings, ...actor } });
  } finally {
    place.release();
  }
}

async function reserve(tx: Tx, userId: string, now: Date) {
  const account = await findAccountById(tx, userId);
  if (account === undefined) throw new Problem('NOT_FOUND', 'there is no such user');
  const counted = { tenantKey: account.tenantId ?? ':platform', userId };
  const reservation = await reserveAttempt(tx, counted, now);
  if (reservation.lockedUntil !== undefined) throw locked(reservation.lockedUntil, now);
  return { account, counted };
}

function requireAcceptable(
  newPassword: string,
  { current, account, judge }: { current: string; account: AccountWithNames; judge: JudgePassword },
): void {
  const message = newPassword === current ? 'must be another than the current one' : judge(newPassword, account);
  if (message === undefined) return;
  throw new Problem('PASSWORD_NOT_ACCEPTED', `the new password ${message}`, {
    errors: [{ field: 'newPassword', message }],
  });
}

async function replace(
  tx: Tx,
  { wanted, account, from, to }: { wanted: Change; account: AccountWithNames; from: string; to: string },
  { tokens, now }: PasswordsOptions,
): Promise<IssuedToken> {
  const { userId, requestId } = wanted;
  const { tenantId } = account;
  const at = now();
  await holdUser(tx, userId);
  // Two changes at once: the second finds another password than the one it proved to know.
  if (!(await lockPassword(tx, { userId, passwordHash: from, now: at }))) {
    throw new Problem('CURRENT_PASSWORD_WRONG', 'the current password is not right');
  }
  await setPassword(tx, { userId, passwordHash: to, oneTimeExpiresAt: undefined, now: at });
  await endSessionsOf(tx, userId);
  // It hangs on no session: trusted headers act in it, too. Whoever changes their password wants nobody left.
  const impersonationId = await endImpersonationOf(tx, userId);
  const token = await tokens.issueToken(tx, { userId, tenantId });
  await insertSignInEvent(tx, {
    tenantId: tenantId ?? undefined,
    type: 'PASSWORD_CHANGED',
    actorUserId: userId,
    details: { requestId, impersonationId },
    at,
  });
  return token;
}
