/**
 * From an address and a password to a session.
 *
 *   a place to hash → [ count the attempt, find the account ] → one argon2 → [ session and token | failure ] → answer
 *
 * The brackets are transactions; between them nothing is held but the place. A wrong address, a wrong password, a
 * disabled user and a suspended tenant do the same work and get the same answer, and no refusal leaves before its time:
 * only the audit says which it was. What is refused unlooked at is in it once a lock, and once a network and quarter of an
 * hour, and in the metric each time: whoever is nobody adds few rows to what only grows.
 * INVARIANT: no password is looked at that was not counted first. tests/integration/sign-in.test.ts.
 */
import { setTimeout as sleep } from 'node:timers/promises';

import type { HashPlace, PasswordHasher } from '../platform/password-hash.js';
import { needsRehash } from '../platform/password-hash.js';
import type { Counter, Metrics } from '../platform/metrics.js';
import type { Pool, Tx } from '../platform/postgres.js';
import { Problem } from '../shared/problem.js';
import { claimPassword, findAccount, findTenantId, holdUser, replaceHash } from './account-store.js';
import type { Account } from './account-store.js';
import {
  clearFailures,
  countSources,
  FAILURES_MAX,
  forgetOldAttempts,
  noteLockMet,
  reserveAttempt,
  returnAttempt,
} from './attempt-store.js';
import type { Counted } from './attempt-store.js';
import { enter } from './enter.js';
import { insertSignInEvent } from './event-store.js';
import { pasted } from './one-time-password.js';
import { normalPassword } from './password-rules.js';
import { forgetOldSessions } from './session-store.js';
import { placesOf } from './throttle.js';
import type { Throttle } from './throttle.js';
import type { IssuedToken, Tokens } from './tokens.js';

/** The slug that platform users sign in under. */
export const PLATFORM_SLUG = 'platform';

export interface Attempt {
  readonly slug: string;
  readonly email: string;
  readonly password: string;
  /** Where it comes from, as far as that is known. */
  readonly address: string | undefined;
  readonly requestId: string;
  readonly signal: AbortSignal;
}

export interface SignedIn extends IssuedToken {
  readonly mustChangePassword: boolean;
}

/**
 * Throws Problem UNAUTHENTICATED, SIGN_IN_LOCKED, SIGN_IN_THROTTLED or SIGN_IN_BUSY, and nothing in them says whether
 * there is such an account.
 */
export type SignIn = (attempt: Attempt) => Promise<SignedIn>;

export interface SignInOptions {
  readonly pool: Pool;
  readonly hasher: PasswordHasher;
  readonly tokens: Pick<Tokens, 'issueToken'>;
  readonly throttle: Throttle;
  readonly now: () => Date;
  readonly metrics: Metrics;
  /** No refusal is sent sooner than this after the attempt came in. */
  readonly refusalMs?: number;
}

/** More than the work takes: what is left to see is the timer's. */
const REFUSAL_MS = 250;
const DAY_SECONDS = 86_400;
/** How long one event speaks for all who are turned away in a network: nobody may remove what is written there. */
const REFUSED_MINUTES = 15;
/** One attempt in so many clears away what is old. */
const SWEEP_EVERY = 500;

const settings = { 'bailiwick.platform': 'on' };

interface Placed extends Attempt {
  readonly tenantId: string | undefined;
}

interface Counting extends Placed {
  readonly counted: Counted;
}

type Prepared =
  | { readonly refusal: Problem }
  | {
      readonly refusal?: undefined;
      readonly failures: number;
      readonly counting: Counting;
      readonly account?: Account;
    };

export function createSignIn(options: SignInOptions): SignIn {
  const { pool, hasher, throttle, now, refusalMs = REFUSAL_MS } = options;
  const count = countSignIns(options.metrics);
  let attempts = 0;
  const inOne = <T>(work: (tx: Tx) => Promise<T>): Promise<T> => pool.transaction(work, { settings });

  return async (attempt) => {
    const startedAt = performance.now();
    const place = hasher.admit();
    try {
      if ((attempts += 1) % SWEEP_EVERY === 0) await inOne((tx) => sweep(tx, now()));
      const prepared = await inOne((tx) => prepare(tx, attempt, { throttle, now: now() }));
      if (prepared.refusal !== undefined) throw prepared.refusal;
      const signedIn = await decide(prepared, { ...options, place });
      count.inc({ outcome: 'succeeded' });
      return signedIn;
    } catch (error) {
      place.release();
      count.inc({ outcome: outcomeOf(error) });
      if (error instanceof Problem && error.code !== 'SIGN_IN_BUSY') await dueTime(startedAt, refusalMs);
      throw error;
    } finally {
      place.release();
    }
  };
}

function countSignIns(metrics: Metrics): Counter<'outcome'> {
  return metrics.counter({
    name: 'sign_ins_total',
    help: 'Sign-ins that were looked into, by what became of them.',
    labels: ['outcome'],
    known: ['succeeded', 'refused', 'locked', 'throttled', 'failed'].map((outcome) => ({ outcome })),
  });
}

function outcomeOf(error: unknown): string {
  if (!(error instanceof Problem)) return 'failed';
  if (error.code === 'UNAUTHENTICATED') return 'refused';
  if (error.code === 'SIGN_IN_LOCKED') return 'locked';
  return error.code === 'SIGN_IN_THROTTLED' ? 'throttled' : 'failed';
}

/** Counts the attempt and finds the account, in one transaction that commits whatever it finds. */
async function prepare(
  tx: Tx,
  attempt: Attempt,
  { throttle, now }: { throttle: Throttle; now: Date },
): Promise<Prepared> {
  const waitSeconds = await throttle.reserve(tx, attempt.address);
  if (waitSeconds !== undefined) {
    if (await isFirstRefused(tx, attempt.address, now)) {
      await writeFailure(tx, { ...attempt, tenantId: undefined }, { reason: 'throttled', account: undefined, now });
    }
    const detail = 'too many sign-ins have failed from where you are';
    return { refusal: new Problem('SIGN_IN_THROTTLED', detail, { retryAfterSeconds: waitSeconds }) };
  }
  const isPlatform = attempt.slug === PLATFORM_SLUG;
  const tenantId = isPlatform ? undefined : await findTenantId(tx, attempt.slug);
  const tenantKey = tenantId ?? (isPlatform ? ':platform' : `slug:${attempt.slug}`);
  const counting = { ...attempt, counted: { tenantKey, email: attempt.email }, tenantId };
  const reservation = await reserveAttempt(tx, counting.counted, now);
  const isKnown = isPlatform || tenantId !== undefined;
  const account = isKnown ? await findAccount(tx, { tenantId: tenantId ?? null, email: attempt.email }) : undefined;
  if (reservation.lockedUntil === undefined) {
    return { failures: reservation.failures, counting, ...(account === undefined ? {} : { account }) };
  }
  if (await noteLockMet(tx, counting.counted, now))
    await writeFailure(tx, counting, { reason: 'locked', account, now });
  return { refusal: locked(reservation.lockedUntil, now) };
}

/** Whether nobody of that network was turned away unlooked at in the quarter of an hour; counts who is. */
async function isFirstRefused(tx: Tx, address: string | undefined, now: Date): Promise<boolean> {
  const network = address === undefined ? undefined : placesOf(address).at(-1);
  if (network === undefined) return true;
  const [refused] = await countSources(tx, [`refused ${network}`], { now, windowMinutes: REFUSED_MINUTES });
  return refused?.failures === 1;
}

/** Looks at the password, once, and writes down what came of it. */
async function decide(
  { counting, account, failures }: Extract<Prepared, { failures: number }>,
  { pool, tokens, throttle, now, place }: SignInOptions & { place: HashPlace },
): Promise<SignedIn> {
  const inOne = <T>(work: (tx: Tx) => Promise<T>): Promise<T> => pool.transaction(work, { settings });
  const typed = normalPassword(counting.password);
  const text = account?.oneTime === true ? pasted(typed) : typed;
  const { signal } = counting;
  const matches = await place.verify(account?.passwordHash ?? undefined, text, signal).catch(async (error: unknown) => {
    // It never ran: nobody has learnt anything.
    await inOne((tx) => returnAttempt(tx, counting.counted));
    throw signal.aborted ? tooLate(error) : error;
  });
  const passwordHash = account?.passwordHash;
  const isAllowed = account?.status === 'active' && account.tenantStatus !== 'suspended';
  if (matches && isAllowed && typeof passwordHash === 'string') {
    const fresh = needsRehash(passwordHash) ? await place.hash(text, signal) : undefined;
    const token = await inOne(async (tx) => {
      const at = now();
      await holdUser(tx, account.userId);
      if (!(await claimPassword(tx, { userId: account.userId, passwordHash, now: at }))) return undefined;
      if (fresh !== undefined) await replaceHash(tx, account.userId, { from: passwordHash, to: fresh });
      // In the order in which `prepare` takes them, or two of one address would wait for each other.
      await throttle.giveBack(tx, counting.address);
      await clearFailures(tx, counting.counted);
      return await enter(tx, { account, proof: 'password', circumstances: circumstances(counting), now: at }, tokens);
    });
    if (token !== undefined) return { ...token, mustChangePassword: account.mustChangePassword };
  }
  const reason = reasonOf(account, matches);
  await inOne(async (tx) => {
    await writeFailure(tx, counting, { reason, account, now: now() });
    if (failures >= FAILURES_MAX) await writeLock(tx, counting, { account, now: now() });
  });
  throw new Problem('UNAUTHENTICATED', 'the tenant, the e-mail address or the password is not right');
}

/** Why, for the audit alone. */
function reasonOf(account: Account | undefined, matches: boolean): string {
  if (account === undefined) return 'unknown_user';
  if (account.passwordHash === null) return 'no_password';
  if (!matches) return 'wrong_password';
  if (account.status !== 'active') return 'disabled';
  return account.tenantStatus === 'suspended' ? 'tenant_suspended' : 'one_time_password_used_or_expired';
}

interface Failed {
  readonly account: Account | undefined;
  readonly now: Date;
}

async function writeFailure(
  tx: Tx,
  counting: Placed,
  { reason, account, now }: Failed & { reason: string },
): Promise<void> {
  const details = { ...circumstances(counting), userId: account?.userId, reason };
  await insertSignInEvent(tx, {
    tenantId: counting.tenantId,
    type: 'SIGN_IN_FAILED',
    actorUserId: undefined,
    details,
    at: now,
  });
}

async function writeLock(tx: Tx, counting: Counting, { account, now }: Failed): Promise<void> {
  const details = { ...circumstances(counting), userId: account?.userId, failures: FAILURES_MAX };
  await insertSignInEvent(tx, {
    tenantId: counting.tenantId,
    type: 'ACCOUNT_LOCKED',
    actorUserId: undefined,
    details,
    at: now,
  });
}

/** What surrounded an attempt; the slug where there is no tenant that the event stands under. */
function circumstances({ address, requestId, slug, tenantId }: Placed): Record<string, string | undefined> {
  return { address, requestId, slug: tenantId === undefined ? slug : undefined };
}

/** The one answer to whoever comes to a locked account, or to one that would be. */
export function locked(until: Date, now: Date): Problem {
  const seconds = Math.max(1, Math.ceil((until.getTime() - now.getTime()) / 1000));
  const detail =
    seconds > DAY_SECONDS
      ? 'too many attempts have failed in a row: an administrator has to unlock the account'
      : 'too many attempts have failed: try again later';
  return new Problem('SIGN_IN_LOCKED', detail, { retryAfterSeconds: Math.min(seconds, DAY_SECONDS) });
}

/** The request ran out of time while it waited for its turn. */
export function tooLate(cause: unknown): Problem {
  return new Problem('SIGN_IN_BUSY', 'too many sign-ins at once', { cause, retryAfterSeconds: 2 });
}

async function dueTime(startedAt: number, refusalMs: number): Promise<void> {
  const left = refusalMs - (performance.now() - startedAt);
  if (left > 0) await sleep(left);
}

async function sweep(tx: Tx, now: Date): Promise<void> {
  await forgetOldAttempts(tx, now);
  await forgetOldSessions(tx, now);
}
