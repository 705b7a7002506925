/**
 * SQL for `security.access_review` and its items. What an item may become, and that a revocation revokes, is the tables'
 * own (migrations/0025).
 *
 * Hints are looked up for a page at a time: of each user at most the latest `LOOKED_THROUGH` decisions, by the index
 * that the decision log has.
 */
import type { Tx } from '../platform/postgres.js';
import type { Place } from './place.js';

export interface ReviewRow {
  readonly id: string;
  readonly name: string;
  readonly roleId: string | null;
  readonly unusedDays: number;
  readonly status: 'open' | 'closed';
  readonly startedAt: Date;
  readonly startedByUserId: string | null;
  readonly closedAt: Date | null;
  readonly closedByUserId: string | null;
  readonly items: number;
  readonly kept: number;
  readonly revoked: number;
  readonly undecided: number;
}

export interface ReviewItemRow {
  readonly id: string;
  readonly userId: string;
  readonly roleId: string;
  readonly roleName: string;
  readonly assignmentId: string;
  readonly validFrom: Date | null;
  readonly expiresAt: Date | null;
  readonly assignedAt: Date;
  readonly decision: 'keep' | 'revoke' | null;
  readonly wasStanding: boolean | null;
  readonly decidedAt: Date | null;
  readonly decidedByUserId: string | null;
  readonly comment: string | null;
}

export interface HintedItemRow extends ReviewItemRow {
  readonly hints: { readonly unused: boolean | null; readonly dormant: boolean; readonly withoutManager: boolean };
}

/** Decisions of a user that are looked through for the use of a role; where they were more, it is not known. */
const LOOKED_THROUGH = 2_000;

const COLUMNS = `
  w.id, w.name, w.role_id as "roleId", w.unused_days as "unusedDays", w.status, w.started_at as "startedAt",
  w.started_by_user_id as "startedByUserId", w.closed_at as "closedAt", w.closed_by_user_id as "closedByUserId",
  n.items, n.kept, n.revoked, n.items - n.kept - n.revoked as undecided`;
const COUNTS = `
  cross join lateral (
    select count(*)::int as items, count(*) filter (where i.decision = 'keep')::int as kept,
           count(*) filter (where i.decision = 'revoke')::int as revoked
    from security.review_item i where i.review_id = w.id) n`;
const ITEM_COLUMNS = `
  i.id::text as id, i.user_id as "userId", i.role_id as "roleId", i.role_name as "roleName",
  i.assignment_id as "assignmentId", i.valid_from as "validFrom", i.expires_at as "expiresAt",
  i.assigned_at as "assignedAt", i.decision, i.was_standing as "wasStanding", i.decided_at as "decidedAt",
  i.decided_by_user_id as "decidedByUserId", i.comment`;

/** To outsiders an id is opaque: one that is no number is no item's. */
const ITEM_ID = `case when $3::text ~ '^[0-9]{1,18}$' then $3::text::bigint end`;

/** Begins a review, with an item for each assignment that stands; resolves to its id. */
export async function insertReview(
  tx: Tx,
  review: { tenantId: string; name: string; roleId: string | undefined; unusedDays: number },
): Promise<string> {
  const { rows } = await tx.query<{ id: string }>({
    text: `
      insert into security.access_review (tenant_id, name, role_id, unused_days)
      values ($1::text, $2::text, $3::text, $4::int) returning id`,
    values: [review.tenantId, review.name, review.roleId ?? null, review.unusedDays],
  });
  if (rows[0] === undefined) throw new Error('the new review has no id');
  return rows[0].id;
}

/** Closes the review; resolves to whether there is such a one. */
export async function closeReview(tx: Tx, tenantId: string, id: string): Promise<boolean> {
  const { rowCount } = await tx.query({
    text: `update security.access_review set status = 'closed' where tenant_id = $1::text and id = $2::text`,
    values: [tenantId, id],
  });
  return rowCount === 1;
}

export async function findReview(tx: Tx, tenantId: string, id: string): Promise<ReviewRow | undefined> {
  const { rows } = await tx.query<ReviewRow>({
    text: `select ${COLUMNS} from security.access_review w ${COUNTS} where w.tenant_id = $1::text and w.id = $2::text`,
    values: [tenantId, id],
  });
  return rows[0];
}

/** Reviews of the tenant, newest first. */
export async function listReviews(
  tx: Tx,
  page: {
    readonly tenantId: string;
    readonly status: 'open' | 'closed' | undefined;
    readonly after: Place | undefined;
    readonly limit: number;
  },
): Promise<ReviewRow[]> {
  const { rows } = await tx.query<ReviewRow>({
    text: `
      select ${COLUMNS}
      from (select r.* from security.access_review r
            where r.tenant_id = $1::text and ($2::text is null or r.status = $2::text)
              and ($3::timestamptz is null or (r.started_at, r.id) < ($3::timestamptz, $4::text))
            order by r.started_at desc, r.id desc limit $5::int) w ${COUNTS}
      order by w.started_at desc, w.id desc`,
    values: [page.tenantId, page.status ?? null, page.after?.at ?? null, page.after?.id ?? null, page.limit],
  });
  return rows;
}

/** Decides about an item of the review; resolves to whether there is such a one. */
export async function decideItem(
  tx: Tx,
  item: {
    readonly tenantId: string;
    readonly reviewId: string;
    readonly itemId: string;
    readonly decision: 'keep' | 'revoke';
    readonly comment: string | undefined;
  },
): Promise<boolean> {
  const { rowCount } = await tx.query({
    text: `
      update security.review_item set decision = $4::text, comment = $5::text
      where tenant_id = $1::text and review_id = $2::text and id = ${ITEM_ID}`,
    values: [item.tenantId, item.reviewId, item.itemId, item.decision, item.comment ?? null],
  });
  return rowCount === 1;
}

export async function findItem(
  tx: Tx,
  { tenantId, reviewId, itemId }: { tenantId: string; reviewId: string; itemId: string },
): Promise<ReviewItemRow | undefined> {
  const { rows } = await tx.query<ReviewItemRow>({
    text: `
      select ${ITEM_COLUMNS} from security.review_item i
      where i.tenant_id = $1::text and i.review_id = $2::text and i.id = ${ITEM_ID}`,
    values: [tenantId, reviewId, itemId],
  });
  return rows[0];
}

export interface ItemPage {
  readonly tenantId: string;
  readonly reviewId: string;
  readonly decision?: 'keep' | 'revoke' | 'undecided' | undefined;
  /** The id of the item before. */
  readonly after: string;
  readonly limit: number;
}

const PAGE = `
  select x.* from security.review_item x
  where x.tenant_id = $1::text and x.review_id = $2::text and x.id > $4::bigint
    and ($3::text is null or coalesce(x.decision, 'undecided') = $3::text)
  order by x.id limit $5::int`;
const valuesOf = ({ tenantId, reviewId, decision, after, limit }: ItemPage): unknown[] => [
  tenantId,
  reviewId,
  decision ?? null,
  after,
  limit,
];

/** Items of the review, in their order. */
export async function listItems(tx: Tx, page: ItemPage): Promise<ReviewItemRow[]> {
  const { rows } = await tx.query<ReviewItemRow>({
    text: `select ${ITEM_COLUMNS} from (${PAGE}) i order by i.id`,
    values: valuesOf(page),
  });
  return rows;
}

/** The same with what is worth knowing about each. A profile or a record that was read counts for who may read it. */
export async function listHintedItems(tx: Tx, page: ItemPage): Promise<HintedItemRow[]> {
  const { rows } = await tx.query<HintedItemRow>({
    text: `
      select ${ITEM_COLUMNS}, json_build_object(
        'unused', case when used.is_found then false when used.looked_through >= ${String(LOOKED_THROUGH)} then null else true end,
        'dormant', used.looked_through = 0 and not coalesce(u.last_sign_in_at >= since.at, false),
        'withoutManager', not exists (
          select from security.user_assignment a
          where a.tenant_id = i.tenant_id and a.assigned_user_id = i.user_id
            and (a.valid_from is null or a.valid_from <= now()) and (a.expires_at is null or a.expires_at > now()))) as hints
      from (${PAGE}) i
        join security.access_review w on w.id = i.review_id
        left join security.app_user u on u.id = i.user_id
        cross join lateral (select now() - w.unused_days * interval '1 day' as at) since
        cross join lateral (
          select array(select g.permission_id from security.role_permission g where g.role_id = i.role_id) as permissions) held
        cross join lateral (
          select count(*) as looked_through,
                 coalesce(bool_or((d.answer = 'allowed' or d.answer = 'listed' and d.listed > 0)
                   and (d.permission = any (held.permissions)
                     or d.object <> 'profile:' || i.user_id and (
                       d.permission = 'profile.read' and held.permissions && array['users.read', 'team.read']
                       or d.permission = 'record.read'
                         and held.permissions && array['users.read', 'team.read', 'records.read']))), false) as is_found
          from (select d.answer, d.listed, d.permission, d.object from audit.decision d
                where d.tenant_id = i.tenant_id and d.subject_user_id = i.user_id and d.decided_at >= since.at
                order by d.decided_at desc limit ${String(LOOKED_THROUGH)}) d) used
      order by i.id`,
    values: valuesOf(page),
  });
  return rows;
}
