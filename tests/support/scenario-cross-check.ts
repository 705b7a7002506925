/**
 * The surfaces against each other, whatever the scenario is about: for everybody, in every tenant,
 *
 * - what list-objects lists is what check allows, of all objects there are,
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

/** The ids of a tenant's objects, by type. */
type Registered = Readonly<Record<'profile' | 'record', readonly string[]>>;

interface Subject {
  readonly user: string;
  readonly permission: string;
  readonly type: keyof Registered;
}

/** Every disagreement, in words. */
export async function crossCheck(stage: Stage): Promise<string[]> {
  const { world } = stage;
  const tenants = await registered(world);
  const users = (await world.sql<{ id: string }>(`select id from security.app_user order by id`)).map(({ id }) => id);
  const subjects = catalogue.flatMap(({ id: permission, objectType: type }) =>
    type === 'tenant' ? [] : users.map((user): Subject => ({ user, permission, type })),
  );
  const faults = await eachOf(subjects, async (subject) => {
    const { user, permission: relation, type } = subject;
    const asked = { user: `user:${user}`, relation, type, at: stage.service.now() };
    const engine = await world.tuples.listObjects(asked, { timeoutMs: 10_000 });
    const ofTenant = ([tenant, objects]: [string, Registered]): Promise<string[]> =>
      compare({ ...subject, tenant, engine }, objects[type], stage);
    return (await eachOf(tenants, ofTenant)).flat();
  });
  const scope = { pool: world.pool('bailiwick_sync'), tuples: world.tuples, timeoutMs: 10_000 };
  const drift = (await findDrift(scope)).map(({ fault, tuple }) => `drift: ${fault} ${JSON.stringify(tuple)}`);
  return [...faults.flat(), ...drift];
}

async function registered(world: World): Promise<[string, Registered][]> {
  const rows = await world.sql<{ id: string; profile: string[]; record: string[] }>(`
    select t.id,
           array(select u.id from security.app_user u where u.tenant_id = t.id order by 1) as profile,
           array(select r.id from security.record r where r.tenant_id = t.id order by 1) as record
    from identity.tenant t order by t.id`);
  return rows.map(({ id, profile, record }) => [id, { profile, record }]);
}

/** Everybody asks about themselves: that costs the service no look at who is asking. */
async function compare(
  subject: Subject & { readonly tenant: string; readonly engine: readonly string[] },
  ids: readonly string[],
  { service }: Stage,
): Promise<string[]> {
  const { user, tenant, permission, type } = subject;
  const name = `${user} ${permission} ${tenant}`;
  const as = { user, tenant };
  const page = await service.listObjects({ user, permission, tenant, type, limit: 1_000 }, { as });
  if (page.body.complete !== true) return [`${name}: the list ended with ${page.status} ${page.body.code ?? ''}`];
  const listed = (page.body.items ?? []).toSorted().join(' ');

  const allowed: string[] = [];
  for (const id of ids) {
    const object = `${type}:${id}`;
    const answer = await service.check({ user, permission, tenant, object }, { as });
    if (answer.status !== 200) return [`${name} ${object}: check ended with ${answer.status}`];
    if (answer.body.allowed === true) allowed.push(object);
  }
  const checked = allowed.toSorted().join(' ');

  const prefix = `${type}:${tenant}/`;
  const engine = subject.engine
    .flatMap((object) => (object.startsWith(prefix) ? [`${type}:${object.slice(prefix.length)}`] : []))
    .toSorted()
    .join(' ');
  return [
    ...(listed === checked ? [] : [`${name}: list-objects says [${listed}], check [${checked}]`]),
    ...(listed === engine ? [] : [`${name}: list-objects says [${listed}], the engine [${engine}]`]),
  ];
}
