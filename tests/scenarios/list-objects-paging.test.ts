/** Lists longer than the engine would ever give: complete whatever the page, in order, and never cut in silence. */
import { afterAll, beforeAll, expect, test } from 'vitest';

import type { ListObjectsRequest, ObjectPage } from '../../src/contract/api.js';
import { PATIENCE } from '../support/scenario-runner.js';
import { startService } from '../support/service.js';
import type { RunningService } from '../support/service.js';
import { startProxy, targetOf, through } from '../support/tcp-proxy.js';
import type { TcpProxy } from '../support/tcp-proxy.js';
import { createWorld } from '../support/world.js';
import type { World } from '../support/world.js';

const RECORDS = 2_500;
/** The most that the engine's own list holds, and the most that one page of ours does. */
const LIMIT = 1_000;
const QUESTION = { user: 'admin', permission: 'record.read', tenant: 'acme', type: 'record' } as const;

let world: World;
let service: RunningService;
let proxy: TcpProxy;
let everything: string[];

beforeAll(async () => {
  world = await createWorld();
  proxy = await startProxy(targetOf(world.engineUrl));
  service = await startService(world, { ...PATIENCE, engineUrl: through(world.engineUrl, proxy) });
  await world.addTenant('acme', 'sales');
  await world.addUser('acme', 'admin', ['admin']);
  await world.addUser('acme', 'rep', ['rep']);
  await world.addUser('acme', 'fifth', ['rep']);
  await world.addUser('acme', 'other', ['rep']);
  await world.sql(`
    insert into security.record (tenant_id, id, owner_user_id)
    select 'acme', 'deal-' || lpad(n::text, 4, '0'), case when n % 50 = 0 then 'rep' when n % 5 = 1 then 'fifth' else 'other' end
    from generate_series(1, ${RECORDS}) n`);
  await service.settle();
  everything = Array.from({ length: RECORDS }, (_, index) => `record:deal-${String(index + 1).padStart(4, '0')}`);
});
afterAll(async () => {
  await service.stop();
  await proxy.stop();
  await world.end();
});

/** The records whose number leaves that rest. */
const every = (divisor: number, rest: number): string[] =>
  everything.filter((_, index) => (index + 1) % divisor === rest);

interface Pages {
  readonly items: string[];
  readonly sizes: number[];
}

/** How often a page is asked for again that the deadline ended before anything of it was confirmed. */
const TRIES = 20;

/** The next page. Where time is short, a busy machine may need more than one try. */
async function onePage(body: ListObjectsRequest, timeoutMs: number | undefined): Promise<Partial<ObjectPage>> {
  for (let tried = 1; ; tried += 1) {
    const { status, body: page } = await service.listObjects(body, { timeoutMs });
    if (status === 503 && timeoutMs !== undefined && tried < TRIES) continue;
    expect(status).toBe(200);
    return page;
  }
}

/** Every page, one after the other; each holds at most `limit`, and only the last has no cursor. */
async function listAll(user: string, limit: number, timeoutMs?: number): Promise<Pages> {
  const items: string[] = [];
  const sizes: number[] = [];
  let cursor: string | undefined;
  do {
    const body = { ...QUESTION, user, limit, ...(cursor === undefined ? {} : { cursor }) };
    const page = await onePage(body, timeoutMs);
    expect(page.complete).toBe(page.nextCursor === null);
    items.push(...(page.items ?? []));
    sizes.push(page.items?.length ?? -1);
    cursor = page.nextCursor ?? undefined;
  } while (cursor !== undefined);
  expect(Math.max(...sizes)).toBeLessThanOrEqual(limit);
  return { items, sizes };
}

test('the engine alone would cut the list, and not say so', async () => {
  const asked = { user: 'user:admin', relation: 'record.read', type: 'record', at: new Date() };
  expect(await world.tuples.listObjects(asked, { timeoutMs: 10_000 })).toHaveLength(LIMIT);
});

test('pages of 1000: all of them, each once, in order', async () => {
  const { items, sizes } = await listAll('admin', LIMIT);
  expect(items).toEqual(everything);
  // A busy machine may cut a page short, and then says so.
  expect(sizes.length).toBeGreaterThanOrEqual(3);
});

test('pages of 37: the same list', async () => {
  const { items, sizes } = await listAll('admin', 37);
  expect(items).toEqual(everything);
  expect(sizes.length).toBeGreaterThanOrEqual(Math.ceil(RECORDS / 37));
});

test('pages of 1: the same list', async () => {
  const { items } = await listAll('rep', 1);
  expect(items).toEqual(every(50, 0));
});

test('a page is no longer than the contract says, and says so where more is asked for', async () => {
  const answer = await service.listObjects({ ...QUESTION, limit: LIMIT + 1 });
  expect(answer).toMatchObject({ status: 400, body: { code: 'INVALID_REQUEST', errors: [{ field: 'limit' }] } });
});

test('without a limit a page holds 100', async () => {
  const { body } = await service.listObjects(QUESTION);
  expect(body.items).toEqual(everything.slice(0, 100));
  expect(body.complete).toBe(false);
});

test('a list whose last page is full ends there', async () => {
  const { sizes } = await listAll('rep', 25);
  expect(sizes).toEqual([25, 25]);
});

test('a record that is removed or registered between two pages shifts nothing', async () => {
  const first = await service.listObjects({ ...QUESTION, user: 'rep', limit: 10 });
  await world.sql(`delete from security.record where id = 'deal-0050'`);
  await world.sql(`insert into security.record (tenant_id, id, owner_user_id) values ('acme', 'deal-2600', 'rep')`);
  await service.settle();
  const rest = await service.listObjects({ ...QUESTION, user: 'rep', limit: 100, cursor: first.body.nextCursor ?? '' });
  expect([...(first.body.items ?? []), ...(rest.body.items ?? [])]).toEqual([...every(50, 0), 'record:deal-2600']);
  await world.sql(`delete from security.record where id = 'deal-2600'`);
  await world.sql(`insert into security.record (tenant_id, id, owner_user_id) values ('acme', 'deal-0050', 'rep')`);
  await service.settle();
});

test('a cursor belongs to its question', async () => {
  const { body } = await service.listObjects({ ...QUESTION, user: 'rep', limit: 2 });
  const cursor = body.nextCursor ?? '';
  const others = [
    { ...QUESTION, user: 'other', cursor },
    { ...QUESTION, user: 'rep', tenant: 'globex', cursor },
    { ...QUESTION, user: 'rep', permission: 'record.update', cursor },
    { ...QUESTION, user: 'rep', permission: 'profile.read', type: 'profile', cursor },
    { ...QUESTION, user: 'rep', cursor: `${cursor}A` },
    { ...QUESTION, user: 'rep', cursor: cursor.slice(0, -2) },
    { ...QUESTION, user: 'rep', cursor: Buffer.from('["x"]').toString('base64url') },
  ] as const;
  for (const other of others) {
    const answer = await service.listObjects(other);
    expect(answer).toMatchObject({ status: 400, body: { errors: [{ field: 'cursor' }] } });
  }
  const another = await service.listObjects({ ...QUESTION, user: 'rep', limit: 100, cursor });
  expect(another.body.items).toHaveLength(48);
});

test('where time runs out a page ends early, and the next goes on', async () => {
  // What the engine is asked arrives late: a page of 500 takes longer than the caller waits.
  proxy.setDelay(30);
  try {
    const { items, sizes } = await listAll('fifth', LIMIT, 900);
    expect(items).toEqual(every(5, 1));
    expect(sizes.length).toBeGreaterThan(2);
  } finally {
    proxy.setDelay(0);
  }
});
