/** Drift made by hand, straight in the engine: it is found exactly, repaired whole, and nothing else is called drift. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { ensureStore, writeModel } from '../../src/platform/openfga-admin.js';
import { createTupleStore } from '../../src/platform/openfga.js';
import { authorizationModel } from '../../src/contract/model.js';
import type { Tuple, TupleKey, TupleStore } from '../../src/shared/tuple.js';
import { keyOf } from '../../src/shared/tuple.js';
import { createMetrics } from '../../src/platform/metrics.js';
import type { DriftScope } from '../../src/sync/drift.js';
import { createSyncMetrics } from '../../src/sync/sync-metrics.js';
import type { Projector } from '../../src/sync/projector.js';
import { awaitRepair, reconcile } from '../../src/sync/reconcile.js';
import { createWorld, roleId } from '../support/world.js';
import type { World } from '../support/world.js';

const DRIFTS = process.env['VERIFY'] === undefined ? 100 : 1_000;
const USERS = DRIFTS;
const TENANTS = ['t1', 't2', 't3'];
const limits = { timeoutMs: 5_000 };

let world: World;
let projector: Projector;
let scope: DriftScope;
beforeAll(async () => {
  world = await createWorld();
  projector = world.projector();
  scope = { pool: world.pool('bailiwick_sync'), tuples: world.tuples, timeoutMs: 5_000 };
  await projector.start();
  for (const tenant of TENANTS) {
    await world.addTenant(tenant, 'emr');
    // Writers assign and take back the admin's role: without somebody who keeps it, they would take the last one.
    await world.addUser(tenant, `${tenant}-chief`, ['EMR_CLIENT_ADMIN']);
    await world.sql(
      `insert into security.app_user (id, tenant_id, email)
         select $1::text || '-' || n, $1::text, $1::text || n || '@x' from generate_series(1, $2::int) n`,
      [tenant, USERS],
    );
    await world.sql(
      `insert into security.user_role (user_id, role_id, expires_at)
         select $1::text || '-' || n, $2::text, case when n % 2 = 0 then timestamptz '2099-01-01' end
         from generate_series(1, $3::int) n`,
      [tenant, roleId(tenant, 'EMR_CLIENT_VIEWER'), USERS],
    );
  }
  await world.applied();
});
afterAll(async () => {
  await projector.stop();
  await world.end();
});

/** Writers that never rest, on keys of their own. */
function busyWriters(): { stop: () => Promise<number> } {
  let on = true;
  let written = 0;
  const writer = async (tenant: string): Promise<void> => {
    const role = roleId(tenant, 'EMR_CLIENT_ADMIN');
    for (let n = 0; on; n += 1) {
      const user = `${tenant}-${String(1 + (n % USERS))}`;
      await world.sql(`insert into security.user_role (user_id, role_id) values ($1, $2)`, [user, role]);
      await world.sql(`update security.user_role set expires_at = '2098-01-01' where user_id = $1 and role_id = $2`, [
        user,
        role,
      ]);
      await world.sql(`delete from security.user_role where user_id = $1 and role_id = $2`, [user, role]);
      written += 3;
    }
  };
  const all = Promise.all(TENANTS.map(writer));
  return {
    stop: async () => {
      on = false;
      await all;
      return written;
    },
  };
}

const key = ({ user, relation, object }: TupleKey): TupleKey => ({ user, relation, object });
const viewerTuples = async (): Promise<Tuple[]> =>
  (await world.storedTuples()).filter(({ object }) => object.endsWith('.emr_client_viewer'));

/** Adds, removes and alters `DRIFTS` tuples straight in the engine; tells how many of each. */
async function makeDrift(): Promise<{ missing: number; extra: number; altered: number }> {
  const standing = await viewerTuples();
  const removed = standing.filter((_, at) => at % 5 === 0).slice(0, Math.floor(DRIFTS / 3));
  const altered = standing
    .filter(({ condition }, at) => at % 5 === 1 && condition !== undefined)
    .slice(0, Math.floor(DRIFTS / 3));
  const window = { validFrom: '2020-01-01T00:00:00Z', expiresAt: '2021-01-01T00:00:00Z' };
  const strange: Tuple[] = [
    { user: 'user:t1-1', relation: 'a', object: 'role:t2/t2.emr_client_admin' },
    { user: 'user:nobody', relation: 'b', object: 'role:nowhere/r' },
    { user: 'user:nobody', relation: 'super_admin', object: 'platform:main' },
    { user: 'user:nobody', relation: 'super_admin', object: 'platform:other' },
    { user: 'role:t2/t2.emr_client_viewer#assignee', relation: 'grant.users.admin', object: 'tenant:t1' },
    { user: 'role:t1/t1.emr_client_viewer#assignee', relation: 'grant.users.admin', object: 'tenant:t1' },
    { user: 'tenant:t2', relation: 'writable', object: 'tenant:t1' },
    { user: 'tenant:t1', relation: 'tenant', object: 'profile:t2/t2-1' },
    { user: 'profile:t2/t2-1', relation: 'manager', object: 'profile:t1/t1-1', condition: window },
    { user: 'user:t1-1', relation: 'subject', object: 'profile:t1/t1-2' },
    { user: 'profile:t1/t1-1', relation: 'owner', object: 'record:t1/unknown' },
    { user: 'profile:t2/t2-1', relation: 'owner', object: 'record:t1/unknown' },
    { user: 'user:somebody/odd', relation: 'a', object: 'role:t1/a/b' },
  ];
  const extra: Tuple[] = [
    ...strange,
    ...Array.from({ length: DRIFTS - removed.length - altered.length - strange.length }, (_, at) => ({
      user: `user:ghost-${String(at)}`,
      relation: at % 2 === 0 ? 'a' : 'b',
      object: `role:t1/t1.emr_client_viewer`,
      ...(at % 3 === 0 ? { condition: window } : {}),
    })),
  ];
  const write = async (deletes: readonly TupleKey[], writes: readonly Tuple[]): Promise<void> => {
    for (let at = 0; at < Math.max(deletes.length, writes.length); at += 100) {
      await world.tuples.write({ deletes: deletes.slice(at, at + 100), writes: writes.slice(at, at + 100) }, limits);
    }
  };
  await write([...removed, ...altered].map(key), []);
  await write(
    [],
    altered.map((tuple) => ({ ...key(tuple), condition: window })),
  );
  await write([], extra);
  return { missing: removed.length, extra: extra.length, altered: altered.length };
}

describe('while others write', () => {
  test('exactly the drift is found, all of it is repaired, and then there is none', async () => {
    const before = (await viewerTuples()).map((tuple) => JSON.stringify(tuple)).sort();
    const writers = busyWriters();
    try {
      expect((await reconcile(scope, 'dry-run')).counts).toEqual({ missing: 0, extra: 0, altered: 0 });
      const made = await makeDrift();
      expect(made.missing + made.extra + made.altered).toBe(DRIFTS);
      const found = await reconcile(scope, 'dry-run');
      expect(found).toMatchObject({ counts: made, repaired: false });
      expect(found.examples).toHaveLength(100);
      // A dry run has touched nothing.
      expect((await reconcile(scope, 'dry-run')).counts).toEqual(made);
      expect(await reconcile(scope, 'repair')).toMatchObject({ counts: made, repaired: true });
      await new Promise((resolve) => setTimeout(resolve, 1_000));
      expect((await reconcile(scope, 'dry-run')).counts).toEqual({ missing: 0, extra: 0, altered: 0 });
    } finally {
      expect(await writers.stop()).toBeGreaterThan(50);
    }
    await world.applied();
    expect((await viewerTuples()).map((tuple) => JSON.stringify(tuple)).sort()).toEqual(before);
    expect((await reconcile(scope, 'dry-run')).counts).toEqual({ missing: 0, extra: 0, altered: 0 });
  });
});

test('what was found is said by whoever projects, and no longer by who did', async () => {
  const registry = createMetrics();
  const metrics = createSyncMetrics(registry, scope.pool);
  metrics.leader(true);
  metrics.reconciled({ missing: 1, extra: 2, altered: 0 }, new Date());
  expect((await registry.render()).body).toContain('bailiwick_drift_tuples{fault="extra"} 2');
  metrics.leader(false);
  expect((await registry.render()).body).not.toMatch(/^bailiwick_drift_tuples\{/m);
});

test('what still waits to be applied is no drift', async () => {
  await projector.stop();
  await world.sql(`update identity.tenant set status = 'suspended' where id = 't3'`);
  await world.sql(`delete from security.user_role where user_id = 't3-1'`);
  expect((await reconcile(scope, 'dry-run')).counts).toEqual({ missing: 0, extra: 0, altered: 0 });
  await projector.start();
  await world.applied();
  expect((await reconcile(scope, 'dry-run')).counts).toEqual({ missing: 0, extra: 0, altered: 0 });
});

test('what is applied between two looks is no drift, however the looks fall', async () => {
  // Between the rows and the tuples of the scan, and again between those of every later look, the same key changes.
  let changes = 0;
  const change = async (): Promise<void> => {
    changes += 1;
    await world.sql(`update identity.tenant set status = case status when 'active' then 'suspended' else 'active' end
      where id = 't2'`);
    await world.applied();
  };
  const meddling: TupleStore = {
    ...world.tuples,
    read: async (filter, continuation, options) => {
      const isScan = Object.keys(filter).length === 0;
      if (isScan ? continuation === undefined : filter.object === 'tenant:t2' && changes < 4) await change();
      return await world.tuples.read(filter, continuation, options);
    },
  };
  expect((await reconcile({ ...scope, tuples: meddling }, 'dry-run')).counts).toEqual({
    missing: 0,
    extra: 0,
    altered: 0,
  });
  expect(changes).toBeGreaterThanOrEqual(3);
  expect((await reconcile(scope, 'dry-run')).counts).toEqual({ missing: 0, extra: 0, altered: 0 });
});

test('everyone, as a wildcard, is refused by the engine itself', async () => {
  const everyone = { user: 'user:*', relation: 'a', object: 'role:t1/t1.emr_client_admin' };
  await expect(world.tuples.write({ deletes: [], writes: [everyone] }, limits)).rejects.toMatchObject({
    kind: 'invalid',
  });
});

test('an empty store is filled anew from the rows, and then holds the same', async () => {
  const before = await world.storedTuples();
  const storeId = await ensureStore({ url: world.engineUrl }, `empty-${world.storeId.slice(-8)}`);
  const modelId = await writeModel({ url: world.engineUrl, storeId }, authorizationModel);
  const empty = createTupleStore({ url: world.engineUrl, storeId, modelId: () => modelId });
  await projector.stop();
  const other = world.projector({ tuples: empty });
  await other.start();
  try {
    const emptyScope = { ...scope, tuples: empty };
    const found = await reconcile(emptyScope, 'repair');
    expect(found.counts).toEqual({ missing: before.length, extra: 0, altered: 0 });
    expect(await awaitRepair(scope.pool, 30_000)).toBe(true);
    expect((await reconcile(emptyScope, 'dry-run')).counts).toEqual({ missing: 0, extra: 0, altered: 0 });
    const after: Tuple[] = [];
    for (let continuation: string | undefined; ;) {
      const page = await empty.read({}, continuation, limits);
      after.push(...page.tuples);
      continuation = page.continuation;
      if (continuation === undefined) break;
    }
    expect(after.map(keyOf).sort()).toEqual(before.map(keyOf).sort());
  } finally {
    await other.stop();
    await projector.start();
  }
});
