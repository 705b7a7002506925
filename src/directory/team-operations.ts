/**
 * Who manages whom: listing it, putting somebody below a manager and taking them away again.
 *
 * That there is no ring and no chain that is too long is held by the database (migrations/0021).
 */
import { z } from 'zod';

import { tenantOf } from '../audit/change.js';
import type { Change, Show } from '../audit/change.js';
import type { Tx } from '../platform/postgres.js';
import type { Operations } from '../shared/operation.js';
import { decodePlace, toPage } from '../shared/page-cursor.js';
import { Problem } from '../shared/problem.js';
import { windowBody, windowOf } from '../shared/time-window.js';
import type { TimeWindow } from '../shared/time-window.js';
import { deleteTeamAssignment, listTeamAssignments, lockMembers, upsertTeamAssignment } from './team-store.js';
import type { TeamAssignmentRow } from './team-store.js';

export interface DirectoryOptions {
  readonly change: Change;
  readonly show: Show;
  readonly now: () => Date;
}

const LIMIT = 100;
const place = z.tuple([z.string().max(200), z.string().max(200)]);

export function teamOperations({ change, show, now }: DirectoryOptions) {
  return {
    async listTeamAssignments({ query: { managerId, userId, limit = LIMIT, cursor } }, context) {
      const tenantId = tenantOf(context);
      const after = decodePlace(cursor, place) ?? ['', ''];
      const rows = await show(context, tenantId, (tx) =>
        listTeamAssignments(tx, { tenantId, managerId, userId, after, limit: limit + 1 }),
      );
      const { items, nextCursor } = toPage(rows, limit, (row) => [row.managerId, row.userId]);
      return { status: 200, body: { items: items.map(teamAssignmentBody), nextCursor } };
    },
    async createTeamAssignment({ body: { managerId, userId, reason, ...body } }, context) {
      const tenantId = tenantOf(context);
      if (managerId === userId) throw new Problem('ASSIGNMENT_CYCLE', 'nobody manages themselves');
      const pair = { tenantId, managerId, userId, ...windowOf(body, now()) };
      const { result, ...receipt } = await change(context, { tenantId, reason }, (tx) => assign(tx, pair));
      return { status: 200, body: { ...result, ...receipt } };
    },
    async deleteTeamAssignment({ query: { managerId, userId, reason } }, context) {
      const tenantId = tenantOf(context);
      const { result: changed, ...receipt } = await change(context, { tenantId, reason }, async (tx) => {
        if ((await lockMembers(tx, tenantId, [managerId, userId])) < 2) throw noSuchUser();
        return await deleteTeamAssignment(tx, { tenantId, managerId, userId });
      });
      return { status: 200, body: { changed, ...receipt } };
    },
  } satisfies Partial<Operations>;
}

async function assign(tx: Tx, pair: { tenantId: string; managerId: string; userId: string } & TimeWindow) {
  const { tenantId, managerId, userId } = pair;
  if ((await lockMembers(tx, tenantId, [managerId, userId])) < 2) throw noSuchUser();
  const written = await upsertTeamAssignment(tx, pair);
  if (written !== undefined) return { ...teamAssignmentBody(written), changed: true };
  const [stands] = await listTeamAssignments(tx, { tenantId, managerId, userId, after: ['', ''], limit: 1 });
  if (stands === undefined) throw new Error('the assignment that stood in the way is gone');
  return { ...teamAssignmentBody(stands), changed: false };
}

/** Also for a user of another tenant. */
function noSuchUser(): Problem {
  return new Problem('NOT_FOUND', 'there is no such user');
}

function teamAssignmentBody({ managerId, userId, assignedAt, ...window }: TeamAssignmentRow) {
  return { managerId, userId, ...windowBody(window), assignedAt: assignedAt.toISOString() };
}
