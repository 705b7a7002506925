/** A campaign over who has what: a snapshot, decisions that do what they say, hints, and evidence. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import type {
  Review,
  ReviewItem,
  ReviewItemPage,
  ReviewItemReceipt,
  ReviewPage,
  ReviewReceipt,
} from '../../src/contract/api.js';
import { ADA, ODA, openOffice, VIC } from '../support/office.js';
import type { Office } from '../support/office.js';
import { roleId } from '../support/world.js';

let office: Office;
let clerk: string;
beforeAll(async () => {
  office = await openOffice();
  clerk = (await office.addRole('CLERK', ['claims.read'])).id;
  for (const user of ['cleo', 'carl', 'cory', '=cmd']) {
    await office.world.addUser('acme', user.replace('=', ''));
    await office.world.sql(`insert into security.user_role (user_id, role_id) values ($1, $2)`, [
      user.replace('=', ''),
      clerk,
    ]);
  }
  await office.service.settle();
});
afterAll(() => office.end());

const by = (user: string, tenant = 'acme') => ({ as: { user, tenant } });
async function started(body: object = {}, more = ADA): Promise<Review> {
  const answer = await office.service.post<ReviewReceipt>('/admin/reviews', { name: 'Q3', ...body }, more);
  expect(answer.status, answer.text).toBe(201);
  if (answer.body.review === undefined) throw new Error('no review');
  return answer.body.review;
}
const itemsOf = async ({ id }: Review, query = 'limit=100', more = ADA) =>
  (await office.service.get<ReviewItemPage>(`/admin/reviews/${id}/items?${query}`, more)).body.items ?? [];
async function itemOf(review: Review, user: string): Promise<string> {
  const found = (await itemsOf(review)).find((item) => item.userId === user);
  if (found === undefined) throw new Error(`no item of ${user}`);
  return found.id;
}
const decide = (review: Review, itemId: string, [decision, more]: readonly [string, typeof ADA]) =>
  office.service.post<ReviewItemReceipt>(
    `/admin/reviews/${review.id}/items/${itemId}`,
    { decision, comment: 'Seen' },
    more,
  );
const progress = async ({ id }: Review) => {
  const { items, kept, revoked, undecided } = (await office.service.get<Review>(`/admin/reviews/${id}`, ADA)).body;
  return [items, kept, revoked, undecided];
};
const purposes = async (since: string) => (await office.entriesSince(since)).map(({ purpose }) => purpose);
const refusal = ({ status, body }: { status: number; body: { code?: string } }) =>
  `${String(status)} ${body.code ?? ''}`;

test('what stands as it begins is looked at, and decisions do what they say', async () => {
  const since = await office.lastEntryId();
  const review = await started({ roleId: clerk });
  expect(await progress(review)).toEqual([4, 0, 0, 4]);
  await office.addHolder('late', [clerk]);
  expect((await itemsOf(review)).map(({ userId }) => userId)).toEqual(['carl', 'cleo', 'cmd', 'cory']);

  expect((await decide(review, await itemOf(review, 'cleo'), ['keep', ADA])).body.item).toMatchObject({
    decision: 'keep',
    decidedByUserId: 'ada',
    wasStanding: null,
  });
  const revoked = await decide(review, await itemOf(review, 'carl'), ['revoke', ADA]);
  expect(revoked.body.item).toMatchObject({ decision: 'revoke', wasStanding: true });
  const question = { user: 'carl', permission: 'claims.read', tenant: 'acme' };
  expect((await office.service.check({ ...question, syncToken: revoked.body.syncToken ?? '' })).body.allowed).toBe(
    false,
  );
  expect(await progress(review)).toEqual([4, 1, 1, 2]);
  expect(await purposes(since)).toEqual([
    'review.create',
    'user.create',
    `role.assign:${clerk}`,
    'review.decide',
    `role.revoke:${clerk}`,
    'review.decide',
  ]);

  // what is gone by then is said to be
  await office.service.delete(`/admin/users/cory/roles/${clerk}`, ADA);
  expect((await decide(review, await itemOf(review, 'cory'), ['revoke', ADA])).body.item).toMatchObject({
    wasStanding: false,
  });
  expect(refusal(await decide(review, await itemOf(review, 'carl'), ['keep', ADA]))).toBe('409 REQUEST_CLOSED');

  const closed = await office.service.post<ReviewReceipt>(`/admin/reviews/${review.id}/close`, undefined, ADA);
  expect(closed.body.review).toMatchObject({ status: 'closed', undecided: 1, closedByUserId: 'ada' });
  expect((await itemsOf(review, 'decision=undecided')).map(({ userId }) => userId)).toEqual(['cmd']);
  expect(refusal(await decide(review, await itemOf(review, 'cmd'), ['keep', ADA]))).toBe('409 REQUEST_CLOSED');
  expect(refusal(await office.service.post(`/admin/reviews/${review.id}/close`, undefined, ADA))).toBe(
    '409 REQUEST_CLOSED',
  );
});

test('nobody decides about their own, and nobody takes the last administrator', async () => {
  const review = await started({ roleId: roleId('acme', 'EMR_CLIENT_ADMIN') });
  const [abe, ada] = [await itemOf(review, 'abe'), await itemOf(review, 'ada')];
  expect(refusal(await decide(review, ada, ['keep', ADA]))).toBe('403 SELF_APPROVAL');
  await expect(
    office.world.sql(`update security.review_item set decision = 'keep' where id = $1`, [ada], {
      'bailiwick.actor_user_id': 'ada',
    }),
  ).rejects.toThrow('nobody reviews their own roles');
  await office.addRole('REVIEWER', ['users.read', 'users.admin']);
  await office.world.sql(
    `insert into security.user_role (user_id, role_id, expires_at) values ('vic', 'acme.reviewer', now() + interval '1 hour')`,
  );
  await office.service.settle();
  expect((await decide(review, abe, ['revoke', VIC])).status).toBe(200);
  expect(refusal(await decide(review, ada, ['revoke', VIC]))).toBe('409 LAST_ADMIN');
  expect(await progress(review)).toEqual([2, 0, 1, 1]);
  await office.world.sql(`insert into security.user_role (user_id, role_id) values ('abe', $1)`, [
    roleId('acme', 'EMR_CLIENT_ADMIN'),
  ]);
  await office.service.settle();
  expect((await decide(review, ada, ['keep', by('abe')])).status).toBe(200);
});

test('of two who decide at once about a revocation, none is lost', async () => {
  const user = 'twin';
  await office.addHolder(user, [clerk]);
  const review = await started({ roleId: clerk });
  const item = await itemOf(review, user);
  const answers = await Promise.all([decide(review, item, ['revoke', ADA]), decide(review, item, ['keep', by('abe')])]);
  const [found] = (await itemsOf(review)).filter(({ userId }) => userId === user);
  const [held] = await office.world.sql<{ n: number }>(
    `select count(*)::int as n from security.user_role where user_id = $1 and revoked_at is null`,
    [user],
  );
  expect([found?.decision, held?.n]).toEqual(answers[0].status === 200 ? ['revoke', 0] : ['keep', 1]);
});

describe('hints', () => {
  test('say what was not used, who is dormant, and whom nobody manages', async () => {
    for (const user of ['uses', 'asks', 'sleeps', 'busy']) await office.addHolder(user, [clerk]);
    await office.world.sql(
      `insert into security.user_assignment (tenant_id, user_id, assigned_user_id) values ('acme', 'ada', 'uses')`,
    );
    await office.service.check({ user: 'uses', permission: 'claims.read', tenant: 'acme' });
    await office.service.check({ user: 'asks', permission: 'denials.read', tenant: 'acme' });
    await office.world.superSql(
      `set local role bailiwick_service`,
      `set local bailiwick.tenant_id = 'acme'`,
      `insert into audit.decision (decision_id, decided_at, api, tenant_id, caller_kind, caller_id, subject_user_id,
         permission, object, answer, source, latency_us, request_id)
       select gen_random_uuid(), now() - n * interval '1 second', 'check', 'acme', 'user', 'busy', 'busy', 'claims.read',
         'tenant:acme', 'denied', 'engine', 1, 'r' from generate_series(1, 2000) n`,
      // long ago, and in another tenant
      `insert into audit.decision (decision_id, decided_at, api, tenant_id, caller_kind, caller_id, subject_user_id,
         permission, object, answer, source, latency_us, request_id)
       values (gen_random_uuid(), now() - interval '40 days', 'check', 'acme', 'user', 'x', 'sleeps', 'claims.read',
         'tenant:acme', 'allowed', 'engine', 1, 'r')`,
    );
    const review = await started({ roleId: clerk, unusedDays: 30 });
    const byUser = new Map((await itemsOf(review)).map(({ userId, hints }) => [userId, hints]));
    expect(Object.fromEntries(byUser)).toMatchObject({
      uses: { unused: false, dormant: false, withoutManager: false },
      asks: { unused: true, dormant: false, withoutManager: true },
      sleeps: { unused: true, dormant: true, withoutManager: true },
      busy: { unused: null, dormant: false, withoutManager: true },
    });
    await office.world.sql(`update security.app_user set last_sign_in_at = now() where id = 'sleeps'`);
    const again = (await itemsOf(review)).find(({ userId }) => userId === 'sleeps');
    expect(again?.hints).toEqual({ unused: true, dormant: false, withoutManager: true });
  });
});

describe('the evidence', () => {
  test('is the same as CSV and as lines of JSON, safe in a spreadsheet, and written down', async () => {
    const review = await started({ roleId: clerk });
    const since = await office.lastEntryId();
    await office.service.post(
      `/admin/reviews/${review.id}/items/${await itemOf(review, 'cmd')}`,
      { decision: 'keep', comment: '=HYPERLINK("x")' },
      ADA,
    );
    const file = (format: string) => office.service.get(`/admin/reviews/${review.id}/export?format=${format}`, ADA);
    const [csv, ndjson] = [await file('csv'), await file('ndjson')];
    expect(csv.headers['content-type']).toContain('text/csv');
    const lines = csv.text.trimEnd().split('\r\n');
    const entries = ndjson.text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as ReviewItem);
    expect([lines.length - 1, entries.length]).toEqual([review.items, review.items]);
    expect(lines.find((line) => line.includes(',cmd,'))).toContain(`"'=HYPERLINK(""x"")"`);
    expect(entries.find(({ userId }) => userId === 'cmd')).toMatchObject({
      decision: 'keep',
      comment: '=HYPERLINK("x")',
    });
    expect(await purposes(since)).toEqual(['review.decide', 'review.export', 'review.export']);
  });

  test('and the rest are pages, of one’s own tenant alone', async () => {
    const review = await started();
    const seen: string[] = [];
    let cursor = '';
    do {
      const { body } = await office.service.get<ReviewItemPage>(
        `/admin/reviews/${review.id}/items?limit=3${cursor === '' ? '' : `&cursor=${cursor}`}`,
        ADA,
      );
      seen.push(...(body.items ?? []).map(({ assignmentId }) => assignmentId));
      cursor = body.nextCursor ?? '';
    } while (cursor !== '');
    const rows = await office.world.sql<{ id: string }>(
      `select id from security.user_role where tenant_id = 'acme' and revoked_at is null`,
    );
    expect(seen.sort()).toEqual(rows.map(({ id }) => id).sort());
    const reviews = await office.service.get<ReviewPage>('/admin/reviews?status=open&limit=1', ADA);
    expect([reviews.body.items?.[0]?.id, reviews.body.nextCursor === null]).toEqual([review.id, false]);
    expect((await office.service.get<ReviewPage>('/admin/reviews', ODA)).body.items).toEqual([]);
    for (const path of ['', '/items', '/export']) {
      expect((await office.service.get(`/admin/reviews/${review.id}${path}`, ODA)).status).toBe(404);
    }
  });
});
