/**
 * SQL that reads `audit.access_log`, a tenant at a time, newest first.
 *
 * A place in the list is the moment to the microsecond and the id: entries of one transaction share the moment.
 */
import type { Tx } from '../platform/postgres.js';

export interface AccessLogRow {
  readonly id: string;
  readonly tenantId: string;
  readonly actorUserId: string | null;
  readonly actorRole: string | null;
  readonly accessedEntityType: string;
  readonly accessedEntityId: string;
  readonly accessAction: 'READ' | 'WRITE' | 'DELETE' | 'EXPORT' | 'PRINT';
  readonly purpose: string;
  readonly accessedAt: Date;
  /** In microseconds since 1970, as the place of the row in the list needs it. */
  readonly accessedAtMicros: string;
  readonly impersonationId: string | null;
  readonly requestId: string | null;
  readonly details: Record<string, unknown>;
}

/** What is left out where undefined is not asked about. */
export interface AccessLogFilter {
  readonly entityType?: string | undefined;
  readonly entityId?: string | undefined;
  readonly actorUserId?: string | undefined;
  readonly action?: string | undefined;
  /** Whole, or up to and with its colon. */
  readonly purpose?: string | undefined;
  readonly from?: string | undefined;
  readonly to?: string | undefined;
}

/** The place after which a page goes on. */
export interface AccessLogPlace {
  /** In microseconds since 1970. */
  readonly accessedAtMicros: string;
  readonly id: string;
}

/** At most `limit` entries of the tenant. */
export async function listAccessLog(
  tx: Tx,
  page: {
    readonly tenantId: string;
    readonly filter: AccessLogFilter;
    readonly after: AccessLogPlace | undefined;
    readonly limit: number;
  },
): Promise<AccessLogRow[]> {
  const { filter, after } = page;
  const { rows } = await tx.query<AccessLogRow>({
    text: `
      select a.id::text as id, a.tenant_id as "tenantId", a.actor_user_id as "actorUserId", a.actor_role as "actorRole",
             a.accessed_entity_type as "accessedEntityType", a.accessed_entity_id as "accessedEntityId",
             a.access_action as "accessAction", a.purpose, a.accessed_at as "accessedAt",
             (extract(epoch from a.accessed_at) * 1000000)::bigint::text as "accessedAtMicros", a.impersonation_id as "impersonationId",
             a.request_id as "requestId", a.details
      from audit.access_log a
      where a.tenant_id = $1::text
        and ($2::text is null or a.accessed_entity_type = $2::text)
        and ($3::text is null or a.accessed_entity_id = $3::text)
        and ($4::text is null or a.actor_user_id = $4::text)
        and ($5::text is null or a.access_action = $5::text)
        and ($6::text is null or a.purpose = $6::text or right($6::text, 1) = ':' and starts_with(a.purpose, $6::text))
        and ($7::timestamptz is null or a.accessed_at >= $7::timestamptz)
        and ($8::timestamptz is null or a.accessed_at < $8::timestamptz)
        and ($9::bigint is null
             or (a.accessed_at, a.id) < (timestamptz 'epoch' + $9::bigint * interval '1 microsecond', $10::bigint))
      order by a.accessed_at desc, a.id desc limit $11::int`,
    values: [
      page.tenantId,
      filter.entityType ?? null,
      filter.entityId ?? null,
      filter.actorUserId ?? null,
      filter.action ?? null,
      filter.purpose ?? null,
      filter.from ?? null,
      filter.to ?? null,
      after?.accessedAtMicros ?? null,
      after?.id ?? null,
      page.limit,
    ],
  });
  return rows;
}
