/**
 * The surfaces against each other, whatever the scenario is about: for everybody, in every tenant,
 *
 * - what list-objects lists is what check allows, of all objects there are (those of other tenants included),
 * - the engine's own ListObjects lists the same,
 * - and the engine's tuples are what the rows say.
 */
import { catalogue } from '../../src/contract/model.js';
import { findDrift } from '../../src/sync/drift.js';
import { eachOf } from './each-of.js';
import type { RunningService } from './service.js';
import type { World } from './world.js';

/** Where a scenario runs. */
export interface Stage {
  readonly world: World;
  readonly service: RunningService;
}

interface Listing {
  readonly user: string;
  readonly tenant: string;
  readonly permission: string;
  readonly type: 'profile' | 'record';
}

/** Somebody whom no row names. */
const NOBODY = 'nobody-at-all';

/** Every disagreement, in words. */
export async function crossCheck(stage: Stage): Promise<string[]> {
  const { world } = stage;
  const ids = async (text: string): Promise<string[]> => (await world.sql<{ id: string }>(text)).map(({ id }) => id);
  const users = await ids(`select id from security.app_user order by id`);
  const tenants = await ids(`select id from identity.tenant order by id`);
  const objects = {
    profile: [...users, NOBODY],
    record: await ids(`select distinct id from security.record order by id`),
  };
  const listings = catalogue.flatMap(({ id: permission, objectType: type }) =>
    type === 'tenant'
      ? []
      : [...users, NOBODY].flatMap((user) => tenants.map((tenant): Listing => ({ user, tenant, permission, type }))),
  );
  const faults = await eachOf(listings, (listing) => compare(listing, objects[listing.type], stage));
  const scope = { pool: world.pool('bailiwick_sync'), tuples: world.tuples, timeoutMs: 10_000 };
  const drift = (await findDrift(scope)).map(({ fault, tuple }) => `drift: ${fault} ${JSON.stringify(tuple)}`);
  return [...faults.flat(), ...drift];
}

async function compare(listing: Listing, ids: readonly string[], { world, service }: Stage): Promise<string[]> {
  const { user, tenant, permission, type } = listing;
  const name = `${user} ${permission} ${tenant}`;
  const page = await service.listObjects({ ...listing, limit: 1_000 });
  if (page.body.complete !== true) return [`${name}: the list ended with ${page.status} ${page.body.code ?? ''}`];
  const listed = (page.body.items ?? []).toSorted();

  const prefix = `${type}:${tenant}/`;
  const asked = { user: `user:${user}`, relation: permission, type, at: service.now() };
  const engine = (await world.tuples.listObjects(asked, { timeoutMs: 10_000 }))
    .filter((object) => object.startsWith(prefix))
    .map((object) => `${type}:${object.slice(prefix.length)}`)
    .toSorted();

  const allowed: string[] = [];
  for (const id of ids) {
    const object = `${type}:${id}`;
    const answer = await service.check({ user, permission, tenant, object });
    if (answer.status !== 200) return [`${name} ${object}: check ended with ${answer.status}`];
    if (answer.body.allowed === true) allowed.push(object);
  }
  allowed.sort();
  const say = (what: string, other: readonly string[]): string[] =>
    listed.join() === other.join() ? [] : [`${name}: list-objects says [${listed.join()}], ${what} [${other.join()}]`];
  return [...say('check', allowed), ...say('the engine', engine)];
}
