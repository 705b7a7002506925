/**
 * The audit log as its readers see it: a page at a time, or whole as a file. Both are entries themselves.
 *
 * A file is read in pages, each in a transaction of its own, while it is sent: its size is no matter, and what is
 * written meanwhile is newer than where it began.
 */
import { z } from 'zod';

import type { Pool } from '../platform/postgres.js';
import { parseMoment } from '../shared/moment.js';
import type { Operations } from '../shared/operation.js';
import { decodePlace, toPage } from '../shared/page-cursor.js';
import { Problem } from '../shared/problem.js';
import { listAccessLog } from './access-log-store.js';
import type { AccessLogFilter, AccessLogPlace, AccessLogRow } from './access-log-store.js';
import { tenantOf } from './change.js';
import type { Show } from './change.js';
import { csvJson, csvLine } from './csv.js';
import { selectLogState } from './log-state-store.js';

const place = z.tuple([z.string().regex(/^[0-9]{1,16}$/), z.string().regex(/^[0-9]{1,18}$/)]);
const EXPORT_PAGE = 1_000;
/** All that there is of the tenant: what is listed, and the id of an entry about the list itself. */
const ENTITY = { entityType: 'access_log', entityId: '*' } as const;

export interface AuditOperationsOptions {
  readonly show: Show;
  /** Of role `bailiwick_sync`: seals and checkpoints belong to no tenant. */
  readonly syncPool: Pool;
}

export function auditOperations({ show, syncPool }: AuditOperationsOptions) {
  return {
    async getAuditLogState(_input, context) {
      const tenantId = tenantOf(context);
      const state = await syncPool.statement((tx) => selectLogState(tx, tenantId));
      const iso = (at: Date | null): string | null => at?.toISOString() ?? null;
      const { lastEntryAt, sealedUntil, signedUntil } = state;
      const body = {
        lastEntryAt: iso(lastEntryAt),
        sealedUntil: iso(sealedUntil),
        signedUntil: iso(signedUntil),
      };
      return { status: 200, body };
    },
    async listAuditLog({ query }, context) {
      const tenantId = tenantOf(context);
      const filter = filterOf(query);
      const limit = query.limit ?? 50;
      const after = toPlace(decodePlace(query.cursor, place));
      const rows = await show(context, tenantId, async (tx, writeDown) => {
        const found = await listAccessLog(tx, { tenantId, filter, after, limit: limit + 1 });
        await writeDown({ ...ENTITY, action: 'READ', purpose: 'audit.read', details: { filter } });
        return found;
      });
      const { items, nextCursor } = toPage(rows, limit, (row) => [row.accessedAtMicros, row.id]);
      return { status: 200, body: { items: items.map(toEntry), nextCursor } };
    },
    async exportAuditLog({ query }, context) {
      const tenantId = tenantOf(context);
      const filter = filterOf(query);
      const format = query.format ?? 'ndjson';
      // Committed before the first line is sent: what was sent cannot be taken back.
      await show(context, tenantId, (_tx, writeDown) =>
        writeDown({ ...ENTITY, action: 'EXPORT', purpose: 'audit.export', details: { filter, format } }),
      );
      const readPage = (after: AccessLogPlace | undefined): Promise<AccessLogRow[]> =>
        show(context, tenantId, (tx) => listAccessLog(tx, { tenantId, filter, after, limit: EXPORT_PAGE }));
      return {
        status: 200,
        // The body is the stream; its type is the whole file's.
        body: '',
        stream: linesOf(readPage, format),
        headers: {
          'content-type': format === 'csv' ? 'text/csv; charset=utf-8; header=present' : 'application/x-ndjson',
          'content-disposition': `attachment; filename="audit-log.${format}"`,
        },
      };
    },
  } satisfies Partial<Operations>;
}

type Query = Parameters<Operations['listAuditLog']>[0]['query'];

/** Each filter by either of its names. Throws Problem INVALID_REQUEST where both are given and differ. */
function filterOf(query: NonNullable<Query>): AccessLogFilter {
  return {
    entityType: one(query, 'entityType', 'accessed_entity_type'),
    entityId: one(query, 'entityId', 'accessed_entity_id'),
    actorUserId: one(query, 'actorUserId', 'actor_user_id'),
    action: one(query, 'action', 'access_action'),
    purpose: query.purpose,
    from: query.from === undefined ? undefined : parseMoment(query.from, 'from').toISOString(),
    to: query.to === undefined ? undefined : parseMoment(query.to, 'to').toISOString(),
  };
}

type TextField = Exclude<keyof NonNullable<Query>, 'limit'>;

function one(query: NonNullable<Query>, name: TextField, column: TextField): string | undefined {
  const [byName, byColumn] = [query[name], query[column]];
  if (byName === undefined || byColumn === undefined || byName === byColumn) return byName ?? byColumn;
  const message = `differs from \`${name}\`: send one of them`;
  throw new Problem('INVALID_REQUEST', `\`${column}\` ${message}`, { errors: [{ field: column, message }] });
}

function toPlace(decoded: readonly [string, string] | undefined): AccessLogPlace | undefined {
  return decoded === undefined ? undefined : { accessedAtMicros: decoded[0], id: decoded[1] };
}

function toEntry(row: AccessLogRow) {
  const { id, tenantId, actorUserId, actorRole, accessedEntityType, accessedEntityId, accessAction, purpose } = row;
  const { impersonationId, requestId, details } = row;
  const who = { id, tenantId, actorUserId, actorRole, impersonationId, requestId };
  const what = { accessedEntityType, accessedEntityId, accessAction, purpose, details };
  return { ...who, ...what, accessedAt: row.accessedAt.toISOString() };
}

const COLUMNS = [
  'id',
  'accessedAt',
  'tenantId',
  'actorUserId',
  'actorRole',
  'accessedEntityType',
  'accessedEntityId',
  'accessAction',
  'purpose',
  'impersonationId',
  'requestId',
] as const;

async function* linesOf(
  readPage: (after: AccessLogPlace | undefined) => Promise<AccessLogRow[]>,
  format: 'csv' | 'ndjson',
): AsyncGenerator<string> {
  if (format === 'csv') yield csvLine([...COLUMNS, 'details']);
  let after: AccessLogPlace | undefined;
  for (;;) {
    const rows = await readPage(after);
    yield rows.map((row) => (format === 'csv' ? csvEntry(row) : `${JSON.stringify(toEntry(row))}\n`)).join('');
    const last = rows.at(-1);
    if (last === undefined || rows.length < EXPORT_PAGE) return;
    after = { accessedAtMicros: last.accessedAtMicros, id: last.id };
  }
}

function csvEntry(row: AccessLogRow): string {
  const entry = toEntry(row);
  return csvLine([...COLUMNS.map((column) => entry[column]), csvJson(entry.details)]);
}
