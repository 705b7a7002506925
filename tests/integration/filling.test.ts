/** A store that is new is given what the rows say before anybody is answered, whoever wrote its model and who is killed. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';

import { authorizationModel } from '../../src/contract/model.js';
import { ensureStore, hasModel, writeModel } from '../../src/platform/openfga-admin.js';
import { createTupleStore } from '../../src/platform/openfga.js';
import type { TupleStore } from '../../src/shared/tuple.js';
import { createModelInForce } from '../../src/sync/model.js';
import type { ModelPart } from '../../src/sync/model.js';
import { createMetrics } from '../../src/platform/metrics.js';
import { createReconcileTimer } from '../../src/sync/reconcile-timer.js';
import { createSyncMetrics } from '../../src/sync/sync-metrics.js';
import type { Projector } from '../../src/sync/projector.js';
import { reconcile } from '../../src/sync/reconcile.js';
import { createWorld, quiet, roleId } from '../support/world.js';
import type { World } from '../support/world.js';

let world: World;
let storeId: string;
let empty: TupleStore;
let n = 0;
const projectors: Projector[] = [];
beforeAll(async () => {
  world = await createWorld();
  await world.addTenant('t', 'emr');
  await world.addUser('t', 'ada', ['EMR_CLIENT_ADMIN']);
  const projector = await project(world.tuples);
  await world.applied();
  await projector.stop();
});
afterAll(() => world.end());
beforeEach(async () => {
  n += 1;
  storeId = await ensureStore({ url: world.engineUrl }, `filling-${String(n)}-${world.storeId.slice(-8)}`);
  const modelId = await writeModel({ url: world.engineUrl, storeId }, authorizationModel);
  empty = createTupleStore({ url: world.engineUrl, storeId, modelId: () => modelId });
});
afterEach(async () => {
  for (const projector of projectors.splice(0)) await projector.stop();
});

/** A process that starts: the model's part. */
function starting(): ModelPart {
  const address = { url: world.engineUrl, storeId };
  return createModelInForce({
    ...{ pool: world.pool('bailiwick_sync'), log: quiet, storeId },
    writeModel: () => writeModel(address, authorizationModel),
    hasModel: (modelId) => hasModel(address, modelId),
  });
}
async function project(tuples: TupleStore): Promise<Projector> {
  const projector = world.projector({ tuples });
  projectors.push(projector);
  await projector.start();
  return projector;
}
const scopeOf = (tuples: TupleStore) => ({ pool: world.pool('bailiwick_sync'), tuples, timeoutMs: 5_000 });
const isEqual = async (): Promise<boolean> => {
  const { counts } = await reconcile(scopeOf(empty), 'dry-run');
  return counts.missing + counts.extra + counts.altered === 0;
};

test('by the next process, where the one that wrote the model never came to it', async () => {
  await starting().start();
  expect(await isEqual()).toBe(false);
  const model = starting();
  await model.start();
  await project(empty);
  await model.filling(scopeOf(empty)).start();
  expect(await isEqual()).toBe(true);
});

test('not by a process that still names another store, and writes there what is queued', async () => {
  const other = await project(world.tuples);
  const model = starting();
  await model.start();
  const filling = model.filling(scopeOf(empty));
  await expect(filling.start()).rejects.toThrow('still being filled');
  expect(await isEqual()).toBe(false);
  await other.stop();
  await project(empty);
  await filling.start();
  expect(await isEqual()).toBe(true);
});

test('once: whoever starts afterwards compares nothing', async () => {
  const first = starting();
  await first.start();
  await project(empty);
  await first.filling(scopeOf(empty)).start();
  const second = starting();
  await second.start();
  let reads = 0;
  const counted: TupleStore = {
    ...empty,
    read: (...asked) => {
      reads += 1;
      return empty.read(...asked);
    },
  };
  await second.filling(scopeOf(counted)).start();
  expect(reads).toBe(0);
});

test('whatever is written meanwhile', async () => {
  const model = starting();
  await model.start();
  await project(empty);
  const state = { isOver: false };
  const writer = (async () => {
    for (let at = 0; !state.isOver; at += 1) {
      await world.sql(`insert into security.app_user (id, tenant_id, email) values ($1, 't', $1 || '@x')`, [
        `w${String(at)}`,
      ]);
      await world.sql(`insert into security.user_role (user_id, role_id) values ($1, $2)`, [
        `w${String(at)}`,
        roleId('t', 'EMR_CLIENT_VIEWER'),
      ]);
    }
  })();
  try {
    await expect
      .poll(
        () =>
          model
            .filling(scopeOf(empty))
            .start()
            .then(
              () => true,
              () => false,
            ),
        { timeout: 60_000 },
      )
      .toBe(true);
  } finally {
    state.isOver = true;
    await writer;
  }
  await world.applied();
  expect(await isEqual()).toBe(true);
});

test('the end of a process does not wait for a comparison, nor for what a truncate has left to be compared', async () => {
  const projector = await project(world.tuples);
  await world.applied();
  await projector.stop();
  let pages = 0;
  const endless: TupleStore = {
    ...world.tuples,
    read: async (filter, _continuation, limits) => {
      pages += 1;
      const page = await world.tuples.read(filter, undefined, limits);
      return { ...page, continuation: 'more' };
    },
  };
  const leader = await project(endless);
  const metrics = createSyncMetrics(createMetrics(), world.pool('bailiwick_sync'));
  const timer = createReconcileTimer({
    ...{ scope: scopeOf(endless), metrics, log: quiet, isLeader: () => true, everySeconds: 0.05 },
  });
  await timer.start();
  await expect.poll(() => pages).toBeGreaterThan(10);
  await timer.stop();
  pages = 0;
  await world.migrationSql(`truncate security.record`);
  await expect.poll(() => pages).toBeGreaterThan(10);
  await leader.stop();
});
