/**
 * The surfaces against each other, whatever the scenario is about: for everybody, in every tenant,
 *
 * - what list-objects lists is what batch-check allows, of all objects there are, and what the engine's own ListObjects
 *   lists,
 * - check, explain, list-users and list-permissions say the same as batch-check, each for a sample,
 * - and the engine's tuples are what the rows say.
 */
import type {
  BatchCheckResult,
  BatchedCheck,
  ExplainResult,
  HeldPermissions,
  UserPage,
} from '../../src/contract/api.js';
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

/** Questions that are put to each of the slower surfaces, at most. */
const SAMPLE = 6;
const BATCH = 1_000;

/** Every disagreement, in words. */
export async function crossCheck(stage: Stage): Promise<string[]> {
  const { world } = stage;
  const users = (await world.sql<{ id: string }>(`select id from security.app_user order by id`)).map(({ id }) => id);
  const faults: string[] = [];
  for (const [tenant, objects] of await registered(world)) {
    faults.push(...(await crossCheckTenant({ tenant, objects, users }, stage)));
  }
  const scope = { pool: world.pool('bailiwick_sync'), tuples: world.tuples, timeoutMs: 10_000 };
  const drift = (await findDrift(scope)).map(({ fault, tuple }) => `drift: ${fault} ${JSON.stringify(tuple)}`);
  return [...faults, ...drift];
}

async function registered(world: World): Promise<[string, Registered][]> {
  const rows = await world.sql<{ id: string; profile: string[]; record: string[] }>(`
    select t.id,
           array(select u.id from security.app_user u where u.tenant_id = t.id order by 1) as profile,
           array(select r.id from security.record r where r.tenant_id = t.id order by 1) as record
    from identity.tenant t order by t.id`);
  return rows.map(({ id, profile, record }) => [id, { profile, record }]);
}

interface Scene {
  readonly tenant: string;
  readonly objects: Registered;
  readonly users: readonly string[];
}

/** What was asked, and whether it is allowed. */
type Answer = BatchedCheck & { readonly allowed: boolean };

async function crossCheckTenant(scene: Scene, stage: Stage): Promise<string[]> {
  const { answers, faults } = await askAll(scene, stage);
  if (faults.length > 0) return faults;
  const { service } = stage;
  const sampled = sample([...sample(answers.filter(({ allowed }) => allowed)), ...sample(answers)], 2 * SAMPLE);
  return [
    ...(await compareLists(scene, answers, stage)),
    ...(await eachOf(sampled, (answer) => compareOne(answer, service))).flat(),
    ...(await eachOf(sample(sampled), (answer) => compareUsers(answer, { scene, answers, service }))).flat(),
    ...(await eachOf(sample(sampled), (answer) => comparePermissions(answer, { answers, service }))).flat(),
  ];
}

/** Evenly spread, so that it is the same sample each time. */
function sample<T>(items: readonly T[], size = SAMPLE): T[] {
  const step = Math.max(1, Math.ceil(items.length / size));
  return items.filter((_, at) => at % step === 0);
}

async function askAll(
  { tenant, objects, users }: Scene,
  { service }: Stage,
): Promise<{ answers: Answer[]; faults: string[] }> {
  const ofTenant = sample(
    catalogue.filter(({ objectType }) => objectType === 'tenant'),
    4,
  );
  const targets = [
    ...ofTenant.map(({ id: permission }) => ({ permission })),
    ...catalogue.flatMap(({ id: permission, objectType: type }) =>
      type === 'tenant' ? [] : objects[type].map((id) => ({ permission, object: `${type}:${id}` })),
    ),
  ];
  const checks = users.flatMap((user) => targets.map((target) => ({ user, tenant, ...target })));
  const answers: Answer[] = [];
  const faults: string[] = [];
  for (let start = 0; start < checks.length; start += BATCH) {
    const part = checks.slice(start, start + BATCH);
    const { status, body } = await service.request<BatchCheckResult>('/batch-check', { checks: part });
    const results = body.results ?? [];
    if (results.length !== part.length) faults.push(`${tenant}: batch-check ended with ${status} ${body.code ?? ''}`);
    for (const [at, check] of part.entries()) {
      const result = results[at];
      if (result === undefined) continue;
      if ('error' in result) faults.push(`${say(check)}: batch-check says ${result.error.code}`);
      else answers.push({ ...check, allowed: result.allowed });
    }
  }
  return { answers, faults };
}

const say = ({ user, permission, tenant, object = '' }: BatchedCheck): string =>
  `${user} ${permission} ${tenant} ${object}`;

/** list-objects, asked by everybody about themselves: that costs the service no look at who is asking. */
async function compareLists({ tenant, users }: Scene, answers: readonly Answer[], stage: Stage): Promise<string[]> {
  const subjects = catalogue.flatMap(({ id: permission, objectType: type }) =>
    type === 'tenant' ? [] : users.map((user) => ({ user, permission, type })),
  );
  const faults = await eachOf(subjects, async ({ user, permission, type }) => {
    const name = `${user} ${permission} ${tenant}`;
    const as = { user, tenant };
    const page = await stage.service.listObjects({ user, permission, tenant, type, limit: 1_000 }, { as });
    if (page.body.complete !== true) return [`${name}: the list ended with ${page.status} ${page.body.code ?? ''}`];
    const listed = sorted(page.body.items ?? []);
    const checked = sorted(
      answers.flatMap((answer) =>
        answer.user === user && answer.permission === permission && answer.allowed ? [answer.object ?? ''] : [],
      ),
    );
    const asked = { user: `user:${user}`, relation: permission, type, at: stage.service.now() };
    const prefix = `${type}:${tenant}/`;
    const all = await stage.world.tuples.listObjects(asked, { timeoutMs: 10_000 });
    const engine = sorted(
      all.flatMap((object) => (object.startsWith(prefix) ? [`${type}:${object.slice(prefix.length)}`] : [])),
    );
    return [
      ...(listed === checked ? [] : [`${name}: list-objects says [${listed}], batch-check [${checked}]`]),
      ...(listed === engine ? [] : [`${name}: list-objects says [${listed}], the engine [${engine}]`]),
    ];
  });
  return faults.flat();
}

const sorted = (items: readonly string[]): string => [...items].toSorted().join(' ');

/** check and explain. */
async function compareOne({ allowed, ...asked }: Answer, service: RunningService): Promise<string[]> {
  const check = await service.check(asked);
  const { body } = await service.request<ExplainResult>('/explain', asked);
  const hasReason = (allowed ? body.paths : body.missing)?.length !== 0;
  return [
    ...(check.body.allowed === allowed ? [] : [`${say(asked)}: check says ${JSON.stringify(check.body)}`]),
    ...(body.allowed === allowed && body.drift === false && hasReason
      ? []
      : [`${say(asked)}: explain says ${JSON.stringify(body)}`]),
  ];
}

interface Compared {
  readonly answers: readonly Answer[];
  readonly service: RunningService;
}

async function compareUsers(
  { permission, tenant, object }: Answer,
  { scene, answers, service }: Compared & { scene: Scene },
): Promise<string[]> {
  const asked = { permission, tenant, ...(object === undefined ? {} : { object }) };
  const { body } = await service.request<UserPage>('/list-users', { ...asked, limit: 1_000 });
  const allowed = answers.filter((other) => {
    return other.permission === permission && other.object === object && other.allowed;
  });
  const checked = sorted(
    scene.users.filter((user) => allowed.some((other) => other.user === user)).map((user) => `user:${user}`),
  );
  const listed = body.complete === true ? sorted(body.items ?? []) : JSON.stringify(body);
  return listed === checked
    ? []
    : [`${say({ user: '*', ...asked })}: list-users says [${listed}], batch-check [${checked}]`];
}

async function comparePermissions({ user, tenant, object }: Answer, { answers, service }: Compared): Promise<string[]> {
  const asked = { user, tenant, ...(object === undefined ? {} : { object }) };
  const { body } = await service.request<HeldPermissions>('/list-permissions', asked);
  const known = answers.filter((other) => other.user === user && other.object === object);
  return known.flatMap(({ permission, allowed }) =>
    body.items?.includes(permission) === allowed
      ? []
      : [`${say({ ...asked, permission })}: batch-check says ${allowed}, list-permissions ${JSON.stringify(body)}`],
  );
}
