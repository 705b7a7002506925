/**
 * Records: registering them, handing them over and removing them.
 *
 * The contract asks for `records.create`; whoever means a record that is not their own needs `records.admin` besides,
 * and is refused in the same words whether or not there is one.
 */
import { requireUser, tenantOf } from '../audit/change.js';
import type { Tx } from '../platform/postgres.js';
import type { Authorize, Operations } from '../shared/operation.js';
import { decodePlace, textPlace, toPage } from '../shared/page-cursor.js';
import { Problem } from '../shared/problem.js';
import { deleteRecord, findRecord, insertRecord, listRecords, updateOwner } from './record-store.js';
import type { RecordRow } from './record-store.js';
import type { DirectoryOptions } from './team-operations.js';
import { lockMembers } from './team-store.js';

export interface RecordOptions extends DirectoryOptions {
  readonly authorize: Authorize;
}

const LIMIT = 100;

export function recordOperations({ change, show, authorize }: RecordOptions) {
  return {
    async listRecords({ query: { ownerUserId, limit = LIMIT, cursor } }, context) {
      const tenantId = tenantOf(context);
      const [after = ''] = decodePlace(cursor, textPlace) ?? [];
      const rows = await show(context, tenantId, (tx) =>
        listRecords(tx, { tenantId, ownerUserId, after, limit: limit + 1 }),
      );
      const { items, nextCursor } = toPage(rows, limit, (row) => [row.id]);
      return { status: 200, body: { items: items.map(recordBody), nextCursor } };
    },
    async createRecord({ body: { id, ownerUserId, reason } }, context) {
      const tenantId = tenantOf(context);
      if (ownerUserId !== requireUser(context).actorUserId) await authorize('records.admin', context);
      const { result, ...receipt } = await change(context, { tenantId, reason }, async (tx) => {
        await requireOwner(tx, tenantId, ownerUserId);
        const made = await insertRecord(tx, { tenantId, id, ownerUserId });
        if (made !== undefined) return { ...recordBody(made), changed: true };
        const stands = await getRecord(tx, tenantId, id);
        if (stands.ownerUserId === ownerUserId) return { ...recordBody(stands), changed: false };
        throw new Problem('RECORD_EXISTS', `record \`${id}\` belongs to somebody else`);
      });
      return { status: 200, body: { ...result, ...receipt } };
    },
    async transferRecord({ path: { id }, body: { ownerUserId, reason } }, context) {
      const tenantId = tenantOf(context);
      const { result, ...receipt } = await change(context, { tenantId, reason }, async (tx) => {
        await requireOwner(tx, tenantId, ownerUserId);
        const moved = await updateOwner(tx, { tenantId, id, ownerUserId });
        if (moved !== undefined) return { ...recordBody(moved), changed: true };
        return { ...recordBody(await getRecord(tx, tenantId, id)), changed: false };
      });
      return { status: 200, body: { ...result, ...receipt } };
    },
    async deleteRecord({ path: { id }, query: { reason } }, context) {
      const tenantId = tenantOf(context);
      const { actorUserId } = requireUser(context);
      const found = await show(context, tenantId, (tx) => findRecord(tx, { tenantId, id }));
      const isOwn = found?.ownerUserId === actorUserId;
      if (!isOwn) await authorize('records.admin', context);
      const { syncToken, applied } = await change(context, { tenantId, reason }, async (tx) => {
        const isGone = await deleteRecord(tx, { tenantId, id, ownerUserId: isOwn ? actorUserId : undefined });
        if (!isGone) throw noSuchRecord();
      });
      return { status: 200, body: { syncToken, applied } };
    },
  } satisfies Partial<Operations>;
}

/** Held until the transaction ends, so that they are not removed meanwhile. Throws Problem NOT_FOUND. */
async function requireOwner(tx: Tx, tenantId: string, userId: string): Promise<void> {
  if ((await lockMembers(tx, tenantId, [userId])) === 0) throw new Problem('NOT_FOUND', 'there is no such user');
}

async function getRecord(tx: Tx, tenantId: string, id: string): Promise<RecordRow> {
  const record = await findRecord(tx, { tenantId, id });
  if (record === undefined) throw noSuchRecord();
  return record;
}

/** Also for a record of another tenant. */
function noSuchRecord(): Problem {
  return new Problem('NOT_FOUND', 'there is no such record');
}

function recordBody({ createdAt, ...record }: RecordRow) {
  return { ...record, createdAt: createdAt.toISOString() };
}
