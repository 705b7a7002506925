import type { Tx } from '../platform/postgres.js';

/** What happened at the door, as `identity.tenant_audit` keeps it. */
export interface SignInEvent {
  /** Undefined: of the platform. */
  readonly tenantId: string | undefined;
  readonly type: 'SIGN_IN_SUCCEEDED' | 'SIGN_IN_FAILED' | 'ACCOUNT_LOCKED' | 'PASSWORD_CHANGED' | 'SIGNED_OUT';
  /** Who proved to be who they are; undefined where nobody did. */
  readonly actorUserId: string | undefined;
  /** Never a password, a token, or what was typed as an address. */
  readonly details: Readonly<Record<string, string | number | undefined>>;
  readonly at: Date;
}

export async function insertSignInEvent(tx: Tx, event: SignInEvent): Promise<void> {
  await tx.query({
    name: 'insert-sign-in-event',
    text: `
      insert into identity.tenant_audit (tenant_id, event_type, ts, actor_user_id, details)
      values ($1::text, $2::text, $3::timestamptz, $4::text, $5::jsonb)`,
    values: [
      event.tenantId ?? 'platform',
      event.type,
      event.at,
      event.actorUserId ?? null,
      JSON.stringify(event.details),
    ],
  });
}
