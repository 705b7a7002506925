/**
 * Coming in: from somebody who has proved who they are to a session.
 *
 * How they proved it is the business of whoever asks for the proof; here it is only written down. A sign-on elsewhere
 * would end in this function as a password does.
 */
import type { Tx } from '../platform/postgres.js';
import { markSignedIn } from './account-store.js';
import type { Account } from './account-store.js';
import { insertSignInEvent } from './event-store.js';
import type { IssuedToken, Tokens } from './tokens.js';

/** What somebody shows to prove who they are. */
export type Proof = 'password';

export interface Entry {
  readonly account: Pick<Account, 'userId' | 'tenantId' | 'mustChangePassword'>;
  readonly proof: Proof;
  /** What surrounded it, for the audit; no secret. */
  readonly circumstances: Readonly<Record<string, string | undefined>>;
  readonly now: Date;
}

/** Opens a session and writes down that they are in. Whether they may come in was asked in the same transaction. */
export async function enter(tx: Tx, entry: Entry, tokens: Pick<Tokens, 'issueToken'>): Promise<IssuedToken> {
  const { account, proof, circumstances, now } = entry;
  const { userId, tenantId, mustChangePassword } = account;
  await markSignedIn(tx, userId, now);
  const token = await tokens.issueToken(tx, { userId, tenantId, mustChangePassword });
  await insertSignInEvent(tx, {
    tenantId: tenantId ?? undefined,
    type: 'SIGN_IN_SUCCEEDED',
    actorUserId: userId,
    details: { ...circumstances, proof, mustChangePassword: String(mustChangePassword) },
    at: now,
  });
  return token;
}
