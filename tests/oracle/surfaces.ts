/**
 * One question to each surface, and how its answer compares with the oracle's. A question is drawn before it is asked,
 * so that the same seed asks the same questions however the answers come in.
 */
import type {
  BatchCheckResult,
  CheckResult,
  ExplainResult,
  ObjectPage,
  HeldPermissions,
  UserPage,
  WhatIfResult,
} from '../../src/contract/api.js';
import { catalogue } from '../../src/contract/model.js';
import { PROBLEMS } from '../../src/shared/problem.js';
import type { Answered, RunningService } from '../support/service.js';
import { type Cast, type Dice, GRANTABLE } from './history.js';
import { type Asked, createOracle, type Rows } from './oracle.js';

/** What a step's questions are about. */
export interface Asking {
  readonly rows: Rows;
  readonly at: Date;
  readonly oracle: (asked: Asked) => boolean;
  /** Of the last write. */
  readonly token: string;
  readonly cast: Cast;
  readonly dice: Dice;
}

/** What came of one request. */
export interface Tally {
  readonly faults: readonly string[];
  readonly answers: number;
  readonly yes: number;
}

type Ask = (replica: RunningService) => Promise<Tally>;

export const SURFACES = ['check', 'batch', 'objects', 'users', 'permissions', 'explain', 'whatIf'] as const;
export type Surface = (typeof SURFACES)[number];

/** Draws a question to the surface. */
export function draw(surface: Surface, asking: Asking): Ask {
  switch (surface) {
    case 'check':
      return drawCheck(asking);
    case 'batch':
      return drawBatch(asking);
    case 'objects':
      return drawObjects(asking);
    case 'users':
      return drawUsers(asking);
    case 'permissions':
      return drawPermissions(asking);
    case 'explain':
      return drawExplain(asking);
    case 'whatIf':
      return drawWhatIf(asking);
  }
}

/** The questions of one batch; half of them are there twice. */
const BATCH = 150;
const PATIENCE_MS = 300_000;
const OF_OBJECTS = ['profile.read', 'profile.update', 'record.read', 'record.update'] as const;
const typeOf = (permission: string) => (permission.startsWith('profile.') ? 'profile' : 'record');

function anyAsked({ cast, dice, rows }: Asking): Asked {
  const tenant = dice.below(25) === 0 ? 'nowhere' : dice.pick(cast.tenants);
  const locals = rows.users.filter((user) => user.tenant === tenant);
  const anyone = (): string => (dice.below(20) === 0 ? 'nobody' : dice.pick(cast.users));
  const user = locals.length > 0 && dice.below(5) > 0 ? dice.pick(locals).id : anyone();
  if (dice.below(2) === 0) {
    const permission = dice.below(6) === 0 ? dice.pick(TENANT_PERMISSIONS) : dice.pick(GRANTABLE);
    return { user, permission, tenant };
  }
  const permission = dice.pick(OF_OBJECTS);
  return { user, permission, tenant, object: anyObject(typeOf(permission), user, { cast, dice, rows }) };
}

const TENANT_PERMISSIONS = catalogue.flatMap(({ id, objectType }) => (objectType === 'tenant' ? [id] : []));

function anyObject(
  type: 'profile' | 'record',
  user: string,
  { cast, dice }: Pick<Asking, 'cast' | 'dice' | 'rows'>,
): string {
  if (type === 'record') return `record:${dice.below(10) === 0 ? 'nothing' : dice.pick(cast.records)}`;
  return `profile:${dice.below(4) === 0 ? user : dice.pick(cast.users)}`;
}

/** Asks until it is answered: a 503 is no answer, and on a busy machine no fault unless there is never any other. */
async function post<Body>(
  replica: RunningService,
  { path, body }: { path: string; body: object },
  { token }: Asking,
): Promise<Answered<Body>> {
  for (const endsAt = performance.now() + PATIENCE_MS; ;) {
    const answer = await replica.request<Body>(path, body, { syncToken: token, timeoutMs: 10_000 });
    const isAnswered = answer.status !== 503 && !hasUnanswered(answer.body);
    if (isAnswered || performance.now() > endsAt) return answer;
  }
}

/** Of a batch whether an item has what is 503 for a request. */
function hasUnanswered(body: object): boolean {
  const results = 'results' in body && Array.isArray(body.results) ? (body.results as BatchCheckResult['results']) : [];
  return results.some((result) => 'error' in result && PROBLEMS[result.error.code].status === 503);
}

const say = (asked: object, what: string): string => `${JSON.stringify(asked)} ${what}`;
const failed = (asked: object, { status, body }: Answered<unknown>): Tally => {
  return {
    faults: [say(asked, `ended with ${String(status)} ${body.code ?? ''} ${body.detail ?? ''}`)],
    answers: 0,
    yes: 0,
  };
};
const one = (faults: readonly string[], yes: boolean): Tally => ({ faults, answers: 1, yes: yes ? 1 : 0 });

function drawCheck(asking: Asking): Ask {
  const asked = anyAsked(asking);
  return async (replica) => {
    const answer = await post<CheckResult>(replica, { path: '/check', body: asked }, asking);
    if (answer.status !== 200) return failed(asked, answer);
    const expected = asking.oracle(asked);
    return one(answer.body.allowed === expected ? [] : [say(asked, `should be ${String(expected)}`)], expected);
  };
}

function drawBatch(asking: Asking): Ask {
  const { dice } = asking;
  const distinct = Array.from({ length: BATCH / 2 }, () => anyAsked(asking));
  const checks = Array.from({ length: BATCH }, (_, at) => distinct[at] ?? dice.pick(distinct));
  return async (replica) => {
    const answer = await post<BatchCheckResult>(replica, { path: '/batch-check', body: { checks } }, asking);
    const results = answer.body.results ?? [];
    if (answer.status !== 200 || results.length !== checks.length) return failed({ checks: checks.length }, answer);
    const expected = checks.map((asked) => asking.oracle(asked));
    const faults = checks.flatMap((asked, at) => {
      const result = results[at];
      const given = result === undefined || 'error' in result ? JSON.stringify(result) : result.allowed;
      return given === expected[at] ? [] : [say(asked, `should be ${String(expected[at])}, is ${String(given)}`)];
    });
    return { faults, answers: checks.length, yes: expected.filter(Boolean).length };
  };
}

const sorted = (items: readonly string[] | undefined): string => [...(items ?? [])].toSorted().join(' ');

function compareLists(asked: object, given: readonly string[] | undefined, expected: readonly string[]): Tally {
  const same = sorted(given) === sorted(expected);
  return one(same ? [] : [say(asked, `should be [${sorted(expected)}], is [${sorted(given)}]`)], expected.length > 0);
}

function drawObjects(asking: Asking): Ask {
  const { user, tenant } = anyAsked(asking);
  const permission = asking.dice.pick(OF_OBJECTS);
  const type = typeOf(permission);
  const asked = { user, permission, tenant, type };
  return async (replica) => {
    const answer = await post<ObjectPage>(replica, { path: '/list-objects', body: { ...asked, limit: 1_000 } }, asking);
    if (answer.status !== 200 || answer.body.complete !== true) return failed(asked, answer);
    const { users, records } = asking.rows;
    const ids = type === 'profile' ? users.map(({ id }) => id) : [...new Set(records.map(({ id }) => id))];
    const objects = ids.map((id) => `${type}:${id}`);
    const expected = objects.filter((object) => asking.oracle({ user, permission, tenant, object }));
    return compareLists(asked, answer.body.items, expected);
  };
}

function drawUsers(asking: Asking): Ask {
  const { permission, tenant, object } = anyAsked(asking);
  const asked = { permission, tenant, ...(object === undefined ? {} : { object }) };
  return async (replica) => {
    const items: string[] = [];
    let cursor: string | undefined;
    // The users of earlier generations are many in the end, and a page ends with its time.
    do {
      const body = { ...asked, limit: 1_000, ...(cursor === undefined ? {} : { cursor }) };
      const answer = await post<UserPage>(replica, { path: '/list-users', body }, asking);
      if (answer.status !== 200) return failed(asked, answer);
      items.push(...(answer.body.items ?? []));
      cursor = answer.body.nextCursor ?? undefined;
    } while (cursor !== undefined);
    const users = asking.rows.users.filter(({ id: user }) => asking.oracle({ ...asked, user }));
    return compareLists(
      asked,
      items,
      users.map(({ id }) => `user:${id}`),
    );
  };
}

function drawPermissions(asking: Asking): Ask {
  const { user, tenant } = anyAsked(asking);
  const { dice } = asking;
  // Of the tenant as a whole there are many to look at: seldom.
  const object = dice.below(6) === 0 ? undefined : anyObject(dice.pick(['profile', 'record']), user, asking);
  const asked = { user, tenant, ...(object === undefined ? {} : { object }) };
  return async (replica) => {
    const answer = await post<HeldPermissions>(replica, { path: '/list-permissions', body: asked }, asking);
    if (answer.status !== 200) return failed(asked, answer);
    const type = object?.split(':')[0] ?? 'tenant';
    const ofType = catalogue.filter(({ objectType }) => objectType === type).map(({ id }) => id);
    const expected = ofType.filter((permission) => asking.oracle({ ...asked, permission }));
    return compareLists(asked, answer.body.items, expected);
  };
}

function drawExplain(asking: Asking): Ask {
  const asked = anyAsked(asking);
  return async (replica) => {
    const { status, body, ...rest } = await post<ExplainResult>(replica, { path: '/explain', body: asked }, asking);
    if (status !== 200) return failed(asked, { status, body, ...rest });
    const expected = asking.oracle(asked);
    const { paths = [], missing = [], suggestedRoles = [] } = body;
    const faults: string[] = [];
    if (body.allowed !== expected) faults.push(`should be ${String(expected)}`);
    if (body.drift !== false) faults.push('the rows are said to differ from the engine');
    if (paths.length > 0 !== expected || missing.length > 0 === expected)
      faults.push('gives no reason, or a wrong one');
    for (const { roleId } of suggestedRoles) {
      if (!wouldHelp(roleId, asked, asking)) faults.push(`would not be helped by the role ${roleId}`);
    }
    return one(
      faults.map((fault) => say(asked, fault)),
      expected,
    );
  };
}

/** In an active tenant and for an active user, a suggested role is one that gives the permission. */
function wouldHelp(role: string, asked: Asked, { rows, at }: Asking): boolean {
  const held = [...rows.held, { user: asked.user, role, name: null, revoked: false, from: null, until: null }];
  const tenants = rows.tenants.map((tenant) => ({ ...tenant, status: 'active' }));
  const users = rows.users.map((user) => ({ ...user, status: 'active' }));
  const isThere = asked.object === undefined || createObjectIndex(rows).has(`${asked.tenant} ${asked.object}`);
  return !isThere || createOracle({ ...rows, held, tenants, users }, at.getTime() * 1_000)(asked);
}

function createObjectIndex({ users, records }: Rows): Set<string> {
  const profiles = users.map(({ id, tenant }) => `${String(tenant)} profile:${id}`);
  return new Set([...profiles, ...records.map(({ id, tenant }) => `${tenant} record:${id}`)]);
}

function drawWhatIf(asking: Asking): Ask {
  const { dice, cast, rows } = asking;
  const tenant = dice.pick(cast.tenants);
  const user = dice.pick(rows.users.filter((candidate) => candidate.tenant === tenant)).id;
  const role = dice.pick(rows.roles.filter((candidate) => candidate.tenant === tenant)).id;
  const status = dice.pick(['active', 'read_only', 'suspended'] as const);
  const permissionIds = GRANTABLE.filter(() => dice.below(2) === 0);
  const changes = [
    { assignRole: { user, roleId: role } },
    { setPermissions: { roleId: role, permissionIds } },
    { setTenantStatus: { status } },
  ];
  const body = { tenant, changes, ask: { effectivePermissions: { user } } };
  return async (replica) => {
    const answer = await post<WhatIfResult>(replica, { path: '/what-if', body }, asking);
    if (answer.status !== 200) return failed(body, answer);
    const { before, after } = answer.body.effectivePermissions ?? {};
    const others = rows.held.filter((row) => row.user !== user || row.role !== role);
    const changed = createOracle(
      {
        ...rows,
        held: [...others, { user, role, name: null, revoked: false, from: null, until: null }],
        grants: [
          ...rows.grants.filter((grant) => grant.role !== role),
          ...permissionIds.map((permission) => ({ role, permission })),
        ],
        tenants: rows.tenants.map((row) => (row.id === tenant ? { ...row, status } : row)),
      },
      asking.at.getTime() * 1_000,
    );
    const held = (oracle: Asking['oracle']): string[] =>
      TENANT_PERMISSIONS.filter((permission) => oracle({ user, permission, tenant }));
    const [was, would] = [compareLists(body, before, held(asking.oracle)), compareLists(body, after, held(changed))];
    return one([...was.faults, ...would.faults], would.yes > 0);
  };
}
