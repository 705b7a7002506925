/**
 * Access reviews: a campaign over the assignments of a tenant, decided one by one, and its evidence as a file.
 *
 * What a decision does is held by the database (migrations/0025): a revocation goes past the guards of any other, and is
 * no decision where they refuse it. INVARIANT: nobody decides about their own. tests/integration/access-review.test.ts.
 */
import { z } from 'zod';

import { tenantOf } from '../audit/change.js';
import type { Tx } from '../platform/postgres.js';
import type { Operations } from '../shared/operation.js';
import { decodePlace, toPage } from '../shared/page-cursor.js';
import { Problem } from '../shared/problem.js';
import { windowBody } from '../shared/time-window.js';
import { noSuchRole } from './elevation-operations.js';
import { lockRole } from './elevation-store.js';
import { momentBody, placeOf } from './place.js';
import type { RequestOptions } from './policy-operations.js';
import { reviewFile } from './review-file.js';
import { closeReview, decideItem, findItem, findReview, insertReview } from './review-store.js';
import { listHintedItems, listItems, listReviews } from './review-store.js';
import type { ReviewItemRow, ReviewRow } from './review-store.js';

const LIMIT = 50;
const UNUSED_DAYS = 90;
const itemPlace = z.tuple([z.string().regex(/^[0-9]{1,18}$/)]);

export function reviewOperations(options: RequestOptions) {
  return { ...campaigns(options), ...reviewItems(options), ...reviewEvidence(options) };
}

function campaigns({ change, show }: RequestOptions) {
  return {
    async listReviews({ query: { status, limit = LIMIT, cursor } }, context) {
      const tenantId = tenantOf(context);
      const page = { tenantId, status, after: placeOf(cursor), limit: limit + 1 };
      const rows = await show(context, tenantId, (tx) => listReviews(tx, page));
      const { items, nextCursor } = toPage(rows, limit, (row) => [row.startedAt.toISOString(), row.id]);
      return { status: 200, body: { items: items.map(reviewBody), nextCursor } };
    },
    async startReview({ body: { name, roleId, unusedDays = UNUSED_DAYS } }, context) {
      const tenantId = tenantOf(context);
      const { result, ...receipt } = await change(context, { tenantId }, async (tx) => {
        if (roleId !== undefined && !(await lockRole(tx, tenantId, roleId))) throw noSuchRole();
        return await get(tx, tenantId, await insertReview(tx, { tenantId, name, roleId, unusedDays }));
      });
      return { status: 201, body: { review: reviewBody(result), ...receipt } };
    },
    async getReview({ path: { id } }, context) {
      const tenantId = tenantOf(context);
      return { status: 200, body: reviewBody(await show(context, tenantId, (tx) => get(tx, tenantId, id))) };
    },
    async closeReview({ path: { id } }, context) {
      const tenantId = tenantOf(context);
      const { result, ...receipt } = await change(context, { tenantId }, async (tx) => {
        if (!(await closeReview(tx, tenantId, id))) throw noSuchReview();
        return await get(tx, tenantId, id);
      });
      return { status: 200, body: { review: reviewBody(result), ...receipt } };
    },
  } satisfies Partial<Operations>;
}

function reviewItems({ change, show }: RequestOptions) {
  return {
    async listReviewItems({ path: { id: reviewId }, query: { decision, limit = LIMIT, cursor } }, context) {
      const tenantId = tenantOf(context);
      const [after] = decodePlace(cursor, itemPlace) ?? ['0'];
      const rows = await show(context, tenantId, async (tx) => {
        await get(tx, tenantId, reviewId);
        return await listHintedItems(tx, { tenantId, reviewId, decision, after, limit: limit + 1 });
      });
      const { items, nextCursor } = toPage(rows, limit, (row) => [row.id]);
      const bodies = items.map(({ hints, ...row }) => ({ ...itemBody(row), hints }));
      return { status: 200, body: { items: bodies, nextCursor } };
    },
    async decideReviewItem({ path: { id: reviewId, itemId }, body: { decision, comment } }, context) {
      const tenantId = tenantOf(context);
      const item = { tenantId, reviewId, itemId, decision, comment };
      const { result, ...receipt } = await change(context, { tenantId, reason: comment }, async (tx) => {
        const decided = (await decideItem(tx, item)) ? await findItem(tx, item) : undefined;
        if (decided === undefined) throw noSuchItem();
        return decided;
      });
      return { status: 200, body: { item: itemBody(result), ...receipt } };
    },
  } satisfies Partial<Operations>;
}

function reviewEvidence({ show }: RequestOptions) {
  return {
    async exportReview({ path: { id: reviewId }, query: { format = 'ndjson' } }, context) {
      const tenantId = tenantOf(context);
      // Committed before the first line is sent: what was sent cannot be taken back.
      await show(context, tenantId, async (tx, writeDown) => {
        await get(tx, tenantId, reviewId);
        const entry = { entityType: 'review', entityId: reviewId, purpose: 'review.export' };
        await writeDown({ ...entry, action: 'EXPORT', details: { format } });
      });
      const readPage = (after: string, limit: number) =>
        show(context, tenantId, (tx) => listItems(tx, { tenantId, reviewId, after, limit }));
      return {
        status: 200,
        // The body is the stream; its type is the whole file's.
        body: '',
        stream: reviewFile(async (after, limit) => (await readPage(after, limit)).map(itemBody), format),
        headers: {
          'content-type': format === 'csv' ? 'text/csv; charset=utf-8; header=present' : 'application/x-ndjson',
          'content-disposition': `attachment; filename="access-review.${format}"`,
        },
      };
    },
  } satisfies Partial<Operations>;
}

async function get(tx: Tx, tenantId: string, id: string): Promise<ReviewRow> {
  const row = await findReview(tx, tenantId, id);
  if (row === undefined) throw noSuchReview();
  return row;
}

/** Also for one of another tenant. */
function noSuchReview(): Problem {
  return new Problem('NOT_FOUND', 'there is no such review');
}

/** Also for one of another review. */
function noSuchItem(): Problem {
  return new Problem('NOT_FOUND', 'there is no such item');
}

function reviewBody({ startedAt, closedAt, ...row }: ReviewRow) {
  return { ...row, startedAt: startedAt.toISOString(), closedAt: momentBody(closedAt) };
}

function itemBody({ validFrom, expiresAt, assignedAt, decidedAt, ...row }: ReviewItemRow) {
  return {
    ...row,
    ...windowBody({ validFrom, expiresAt }),
    assignedAt: assignedAt.toISOString(),
    decidedAt: momentBody(decidedAt),
  };
}
