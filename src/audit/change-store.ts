/**
 * SQL that stands around every write of the service: by what right it writes, and how far it has come; and the entry of
 * what was shown, the only one that is not written by a trigger.
 */
import type { Tx } from '../platform/postgres.js';

/** How an actor stands to a tenant. */
export interface Standing {
  /** Null: there is no such tenant. */
  readonly tenantStatus: 'active' | 'read_only' | 'suspended' | null;
  /** A platform admin who is no user of the tenant: writes need an impersonation. */
  readonly isOutsideAdmin: boolean;
  readonly isMember: boolean;
  /** They are known, and not enabled. */
  readonly isDisabled: boolean;
  /** The impersonation that was named, where it is the actor's own, of this tenant, and still active. */
  readonly impersonationId: string | null;
}

/** Reads the standing and holds the tenant's status, and the impersonation, until the transaction ends. */
export async function findStanding(
  tx: Tx,
  who: { readonly actorUserId: string; readonly tenantId: string; readonly impersonationId: string | undefined },
): Promise<Standing> {
  const { rows } = await tx.query<Standing>({
    name: 'find-standing',
    text: `
      select tenant_status as "tenantStatus", is_outside_admin as "isOutsideAdmin", is_member as "isMember",
             is_disabled as "isDisabled",
             active_impersonation_id as "impersonationId"
      from security.writer_standing($1::text, $2::text, $3::text)`,
    values: [who.actorUserId, who.tenantId, who.impersonationId ?? null],
  });
  if (rows[0] === undefined) throw new Error('the database did not say how the actor stands');
  return rows[0];
}

/** What the transaction changes from now on was done in the impersonation. */
export async function nameImpersonation(tx: Tx, impersonationId: string): Promise<void> {
  await tx.query({
    name: 'name-impersonation',
    text: `select set_config('bailiwick.impersonation_id', $1::text, true)`,
    values: [impersonationId],
  });
}

/** How a transaction ends that is about to commit. */
export interface Ending {
  /** For everything committed so far and for what this transaction has done. */
  readonly syncToken: string;
  /** Whether it only gives access, while an older change of the tenant waits past the hard bound of lag. */
  readonly isBacklogged: boolean;
}

/** Of one tenant, or, where undefined, of all. */
export async function findEnding(tx: Tx, tenantId: string | undefined): Promise<Ending> {
  const { rows } = await tx.query<Ending>({
    name: 'find-ending',
    text: `select sync.token($1::text) as "syncToken", sync.is_backlogged($1::text) as "isBacklogged"`,
    values: [tenantId ?? null],
  });
  if (rows[0] === undefined) throw new Error('the database made no sync token');
  return rows[0];
}

/** What is written down of a request that showed something sensitive. */
export interface Shown {
  readonly tenantId: string;
  readonly entityType: string;
  readonly entityId: string;
  readonly action: 'READ' | 'EXPORT';
  readonly purpose: string;
  readonly details?: Readonly<Record<string, unknown>>;
}

/** Adds the entry of something that was shown; changes write theirs themselves. An impersonation must be under way. */
export async function insertShown(
  tx: Tx,
  shown: Shown & {
    readonly actorUserId: string;
    readonly impersonationId: string | undefined;
    readonly requestId: string;
  },
): Promise<void> {
  await tx.query({
    name: 'insert-shown',
    text: `
      insert into audit.access_log (tenant_id, actor_user_id, impersonation_id, request_id, accessed_entity_type,
                                    accessed_entity_id, access_action, purpose, details)
      values ($1::text, $2::text,
              (select i.id from identity.impersonation i
               where i.id = $3::text and i.actor_user_id = $2::text and i.tenant_id = $1::text
                 and i.ended_at is null and i.expires_at > now()),
              $4::text, $5::text, $6::text, $7::text, $8::text, $9::jsonb)`,
    values: [
      shown.tenantId,
      shown.actorUserId,
      shown.impersonationId ?? null,
      shown.requestId,
      shown.entityType,
      shown.entityId,
      shown.action,
      shown.purpose,
      JSON.stringify(shown.details ?? {}),
    ],
  });
}
