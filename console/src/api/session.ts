/**
 * The session of this tab: the person's own token and, while a platform admin acts in a tenant, that of the impersonation.
 *
 * It is kept in the tab's session storage: gone with the tab, seen by no other, never in an address. A token is renewed
 * while somebody is at work, so that a session ends by idleness and not in the middle of a sentence. Nothing else that is
 * secret is kept here or anywhere in the browser.
 */
import { useSyncExternalStore } from 'react';

export type TokenKind = 'own' | 'acting';

export interface Token {
  readonly accessToken: string;
  /** Milliseconds since 1970. */
  readonly expiresAt: number;
}

export interface Acting extends Token {
  readonly impersonationId: string;
  readonly tenantId: string;
  readonly tenantName: string;
  readonly reason: string;
}

export interface Session {
  readonly own: Token;
  /** The slug that was signed in under. */
  readonly slug: string;
  readonly mustChangePassword: boolean;
  readonly acting?: Acting | undefined;
}

export type EndedBy = 'ended' | 'left' | undefined;

const KEY = 'bailiwick.session';
const listeners = new Set<() => void>();
let session = restore();
let endedBy: EndedBy;

function restore(): Session | undefined {
  try {
    const kept = sessionStorage.getItem(KEY);
    // Nobody but this file writes it.
    return kept === null ? undefined : (JSON.parse(kept) as Session);
  } catch {
    return undefined;
  }
}

function replace(next: Session | undefined): void {
  session = next;
  if (next === undefined) sessionStorage.removeItem(KEY);
  else sessionStorage.setItem(KEY, JSON.stringify(next));
  for (const listener of listeners) listener();
}

export function openSession(next: Session): void {
  endedBy = undefined;
  replace(next);
}

/** `ended`: the service no longer takes the token; `left`: somebody signed out. */
export function forgetSession(by: EndedBy): void {
  // An impersonation that has ended leaves the platform admin where they were.
  if (by === 'ended' && session?.acting !== undefined) {
    replace({ ...session, acting: undefined });
    return;
  }
  endedBy = by;
  replace(undefined);
}

export function changeSession(change: Partial<Session>): void {
  if (session !== undefined) replace({ ...session, ...change });
}

export const currentSession = (): Session | undefined => session;
export const howItEnded = (): EndedBy => endedBy;

/** The token to send: that of the impersonation while there is one, unless the person's own is asked for. */
export function currentToken(kind?: TokenKind): string | undefined {
  if (kind === 'own') return session?.own.accessToken;
  return (session?.acting ?? session?.own)?.accessToken;
}

export function subscribeSession(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function useSession(): Session | undefined {
  return useSyncExternalStore(subscribeSession, currentSession);
}
