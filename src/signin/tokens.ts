/**
 * Our own tokens: what they say, how long they hold, and what they stand on.
 *
 * A token lasts a quarter of an hour and names its session; whoever verifies it offline is at most that far behind. The
 * service itself asks for the session at every request, so that here a token ends with its session at once. A session
 * lasts twelve hours, half an hour unused; one of an impersonation as long as that, and cannot be renewed.
 */
import { randomBytes } from 'node:crypto';

import type { TokenIdentity } from '../platform/jwt.js';
import type { Pool, Tx } from '../platform/postgres.js';
import { Problem } from '../shared/problem.js';
import type { KeyRing } from './key-ring.js';
import { NO_RIGHTS, rightsOf } from './rights.js';
import type { Rights } from './rights.js';
import { findStandingSession, insertSession, touchSession } from './session-store.js';
import type { StandingSession } from './session-store.js';

/** What tells our tokens from any other's. */
export interface OwnIssuer {
  readonly issuer: string;
  readonly audience: string;
}

/** Whom a new session is for. `mustChangePassword`: nothing but the change, and no longer than that takes. */
export interface SessionFor {
  readonly userId: string;
  /** What the token speaks for; null for a platform user who is in no tenant. */
  readonly tenantId: string | null;
  readonly impersonation?: { readonly id: string; readonly expiresAt: Date };
  readonly mustChangePassword?: boolean;
}

export interface IssuedToken {
  readonly accessToken: string;
  readonly sessionId: string;
  /** Of the token; the session may be renewed past it. */
  readonly expiresAt: Date;
}

export interface Tokens {
  /**
   * Opens a session and signs its first token. `tx` acts for the platform, and what the session stands on (user,
   * impersonation) is committed or part of it.
   */
  issueToken(tx: Tx, wanted: SessionFor): Promise<IssuedToken>;
  /** Another token of a session that stands, with the roles of now. */
  renewToken(tx: Tx, sessionId: string): Promise<IssuedToken & { readonly mustChangePassword: boolean }>;
  /** What a verified token of ours stands on. Throws Problem UNAUTHENTICATED where that is over. */
  checkSession(identity: TokenIdentity): Promise<{ readonly mustChangePassword: boolean }>;
  /** The same with what the token would say if it were issued now. */
  readLive(identity: TokenIdentity): Promise<LiveSession>;
  /** The session with that id, where it stands. */
  findSession(tx: Tx, sessionId: string): Promise<StandingSession | undefined>;
}

/** A session that stands, and the rights of its subject now. */
export interface LiveSession {
  readonly session: StandingSession;
  readonly rights: Rights;
}

const MINUTE_MS = 60_000;
const TOKEN_MS = 15 * MINUTE_MS;
const SESSION_MS = 12 * 60 * MINUTE_MS;
const CHANGE_MS = 60 * MINUTE_MS;
const IDLE_MINUTES = 30;
const TOUCH_MS = MINUTE_MS;

const settings = { 'bailiwick.platform': 'on' };

export function createTokens({
  pool,
  keys,
  own,
  now,
}: {
  readonly pool: Pool;
  readonly keys: Pick<KeyRing, 'sign'>;
  readonly own: OwnIssuer;
  readonly now: () => Date;
}): Tokens {
  async function sign(tx: Tx, session: Signed): Promise<IssuedToken> {
    const at = now();
    const { userId, tenantId, sessionId, impersonationId } = session;
    const accessToken = await keys.sign(tx, {
      ...own,
      subject: userId,
      issuedAt: at,
      expiresAt: session.tokenExpiresAt,
      claims: {
        sid: sessionId,
        ...(tenantId === null ? {} : { tenant_id: tenantId }),
        ...(session.mustChangePassword ? NO_RIGHTS : await rightsOf(tx, session, at)),
        ...(impersonationId === undefined ? {} : { act: { sub: userId, impersonation_id: impersonationId } }),
      },
    });
    return { accessToken, sessionId, expiresAt: session.tokenExpiresAt };
  }

  /** What a token stands on, which is thereby in use. Throws where that is over, or is another's. */
  async function standing(tx: Tx, { subject, tenantId, session: named }: TokenIdentity): Promise<StandingSession> {
    if (named === undefined) throw ended();
    const at = now();
    const { sessionId, impersonationId, keyId } = named;
    const session = await findStandingSession(tx, { sessionId, keyId, now: at, idleMinutes: IDLE_MINUTES });
    const isItsOwn =
      session?.userId === subject &&
      (session.tenantId ?? undefined) === tenantId &&
      (session.impersonationId ?? undefined) === impersonationId;
    if (session === undefined || !isItsOwn) throw ended();
    if (at.getTime() - session.lastSeenAt.getTime() >= TOUCH_MS) await touchSession(tx, sessionId, at);
    return session;
  }

  return {
    async issueToken(tx, { userId, tenantId, impersonation, mustChangePassword = false }) {
      const createdAt = now();
      const sessionId = randomBytes(16).toString('hex');
      const expiresAt =
        impersonation?.expiresAt ?? new Date(createdAt.getTime() + (mustChangePassword ? CHANGE_MS : SESSION_MS));
      const impersonationId = impersonation?.id;
      await insertSession(tx, { sessionId, userId, tenantId, impersonationId, createdAt, expiresAt });
      const isWhole = impersonation !== undefined || mustChangePassword;
      const tokenExpiresAt = isWhole ? expiresAt : new Date(createdAt.getTime() + TOKEN_MS);
      return await sign(tx, { userId, tenantId, sessionId, impersonationId, mustChangePassword, tokenExpiresAt });
    },
    async renewToken(tx, sessionId) {
      const at = now();
      const session = await findStandingSession(tx, { sessionId, now: at, idleMinutes: IDLE_MINUTES });
      if (session === undefined) throw ended();
      if (session.impersonationId !== null) throw new Problem('FORBIDDEN', 'an impersonation cannot be prolonged');
      await touchSession(tx, sessionId, at);
      const { userId, tenantId, mustChangePassword } = session;
      const tokenExpiresAt = new Date(Math.min(at.getTime() + TOKEN_MS, session.expiresAt.getTime()));
      const token = await sign(tx, {
        ...{ userId, tenantId, sessionId, impersonationId: undefined, mustChangePassword },
        tokenExpiresAt,
      });
      return { ...token, mustChangePassword };
    },
    async checkSession(identity) {
      const { mustChangePassword } = await pool.transaction((tx) => standing(tx, identity), { settings });
      return { mustChangePassword };
    },
    readLive: (identity) =>
      pool.transaction(
        async (tx) => {
          const session = await standing(tx, identity);
          const { userId, tenantId, impersonationId, mustChangePassword } = session;
          const whose = { userId, tenantId, impersonationId: impersonationId ?? undefined };
          return { session, rights: mustChangePassword ? NO_RIGHTS : await rightsOf(tx, whose, now()) };
        },
        { settings },
      ),
    findSession: (tx, sessionId) => findStandingSession(tx, { sessionId, now: now(), idleMinutes: IDLE_MINUTES }),
  };
}

interface Signed {
  readonly userId: string;
  readonly tenantId: string | null;
  readonly sessionId: string;
  readonly impersonationId: string | undefined;
  readonly mustChangePassword: boolean;
  readonly tokenExpiresAt: Date;
}

function ended(): Problem {
  return new Problem('UNAUTHENTICATED', 'the session has ended: sign in again');
}
