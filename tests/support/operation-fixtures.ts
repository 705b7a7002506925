/**
 * One valid call of each operation that needs a permission of the tenant, one line an operation: what the generated
 * matrix (tests/integration/matrix.test.ts) calls it with.
 *
 * A new operation with such an `x-permission` needs a line here. `prepare` makes, as an operator, what the call is about
 * and answers with it; it runs before every call that may have an effect, so that each one finds the same beginning.
 */
import { randomUUID } from 'node:crypto';

import type { ContractOperation } from '../../src/http/contract.js';
import type { Answered, As, RunningService } from './service.js';
import type { World } from './world.js';
import { roleId } from './world.js';

/** A call of an operation: what stands in its path, after it, and in its body. */
export interface OperationCall {
  readonly path?: Readonly<Record<string, string>>;
  readonly query?: string;
  readonly body?: unknown;
}

export interface OperationFixture {
  /** Makes what the call is about, in the tenant, and answers with the call. */
  prepare(world: World, tenantId: string): Promise<OperationCall>;
  /** What it needs besides its own permission, so that a caller who has just these may carry it out. */
  readonly alsoHolds?: readonly string[];
  /** What this call writes, where the operation may write more: its `x-audit` names all that it may. */
  readonly writes?: readonly string[];
  /** The status of the answer where it is not 200. */
  readonly status?: number;
}

const viewer = (tenantId: string): string => roleId(tenantId, 'EMR_CLIENT_VIEWER');

/** A custom role with `claims.read` that nobody has. */
async function aRole(world: World, tenantId: string): Promise<string> {
  const id = `role-${randomUUID()}`;
  const name = `R_${id.replaceAll('-', '_').toUpperCase()}`;
  await world.sql(`insert into security.role (id, tenant_id, name, description) values ($1, $2, $3, 'before')`, [
    id,
    tenantId,
    name,
  ]);
  await world.sql(`insert into security.role_permission (role_id, permission_id) values ($1, 'claims.read')`, [id]);
  return id;
}

/** A user of the tenant, perhaps with a role. */
async function aUser(world: World, tenantId: string, role?: string): Promise<string> {
  const id = `user-${randomUUID()}`;
  await world.sql(
    `insert into security.app_user (id, tenant_id, email) values ($1::text, $2, $1::text || '@example.com')`,
    [id, tenantId],
  );
  if (role !== undefined)
    await world.sql(`insert into security.user_role (user_id, role_id) values ($1, $2)`, [id, role]);
  return id;
}

/** A record of somebody in the tenant. */
async function aRecord(world: World, tenantId: string): Promise<string> {
  const id = `record-${randomUUID()}`;
  await world.sql(`insert into security.record (tenant_id, id, owner_user_id) values ($1, $2, $3)`, [
    tenantId,
    id,
    await aUser(world, tenantId),
  ]);
  return id;
}

/** A request for a role that somebody else has made. */
async function anElevation(world: World, tenantId: string): Promise<{ id: string }> {
  const [row] = await world.sql<{ id: string }>(
    `insert into security.elevation (tenant_id, user_id, role_id, reason, duration_minutes)
     values ($1, $2, $3, 'a test', 60) returning id`,
    [tenantId, await aUser(world, tenantId), await aRole(world, tenantId)],
  );
  return { id: row?.id ?? '' };
}

/** A role that somebody has handed on to somebody else. */
async function aDelegation(world: World, tenantId: string): Promise<{ id: string }> {
  const [row] = await world.sql<{ id: string }>(
    `insert into security.delegation (tenant_id, delegator_user_id, delegate_user_id, role_id, reason, expires_at)
     values ($1, $2, $3, $4, 'a test', now() + interval '1 hour') returning id`,
    [tenantId, await aUser(world, tenantId, viewer(tenantId)), await aUser(world, tenantId), viewer(tenantId)],
  );
  return { id: row?.id ?? '' };
}

/** A role that somebody has taken in an emergency. */
async function anEmergency(world: World, tenantId: string): Promise<{ id: string }> {
  const [user, role] = [await aUser(world, tenantId, viewer(tenantId)), await aRole(world, tenantId)];
  await world.sql(`insert into security.emergency_role (tenant_id, holder_role_id, role_id) values ($1, $2, $3)`, [
    tenantId,
    viewer(tenantId),
    role,
  ]);
  const [row] = await world.sql<{ id: string }>(
    `insert into security.emergency_access (tenant_id, user_id, role_id, reason, ticket)
     values ($1, $2, $3, 'a test', 'INC-1') returning id`,
    [tenantId, user, role],
  );
  return { id: row?.id ?? '' };
}

/** A review, and an item of it. */
async function aReview(world: World, tenantId: string): Promise<{ id: string; itemId: string }> {
  const role = await aRole(world, tenantId);
  await aUser(world, tenantId, role);
  const [row] = await world.sql<{ id: string }>(
    `insert into security.access_review (tenant_id, name, role_id) values ($1, 'a test', $2) returning id`,
    [tenantId, role],
  );
  const [item] = await world.sql<{ id: string }>(`select id::text from security.review_item where review_id = $1`, [
    row?.id,
  ]);
  return { id: row?.id ?? '', itemId: item?.id ?? '' };
}

const aName = (): string => `N_${randomUUID().replaceAll('-', '_').toUpperCase()}`;
const nothing = (): Promise<OperationCall> => Promise.resolve({});

export const OPERATION_FIXTURES: Readonly<Record<string, OperationFixture>> = {
  listRoles: { prepare: nothing },
  createRole: { prepare: () => Promise.resolve({ body: { roleName: aName() } }), status: 201 },
  getRole: { prepare: async (world, tenantId) => ({ path: { id: await aRole(world, tenantId) } }) },
  describeRole: {
    prepare: async (world, tenantId) => ({
      path: { id: await aRole(world, tenantId) },
      body: { description: 'after' },
    }),
  },
  deleteRole: {
    prepare: async (world, tenantId) => ({ path: { id: await aRole(world, tenantId) } }),
    writes: ['role.delete'],
  },
  cloneRole: {
    prepare: async (world, tenantId) => ({ path: { id: await aRole(world, tenantId) }, body: { roleName: aName() } }),
    status: 201,
    alsoHolds: ['claims.read'],
  },
  setRolePermissions: {
    prepare: async (world, tenantId) => ({ path: { id: await aRole(world, tenantId) }, body: { permissionIds: [] } }),
    writes: ['role.set_permissions'],
  },
  previewRolePermissions: {
    prepare: async (world, tenantId) => ({ path: { id: await aRole(world, tenantId) }, body: { permissionIds: [] } }),
  },
  listRoleUsers: { prepare: async (world, tenantId) => ({ path: { id: await aRole(world, tenantId) } }) },
  listUserRoles: { prepare: async (world, tenantId) => ({ path: { id: await aUser(world, tenantId) } }) },
  assignRole: {
    prepare: async (world, tenantId) => ({
      path: { id: await aUser(world, tenantId) },
      body: { roleId: await aRole(world, tenantId) },
    }),
    writes: ['role.assign'],
    alsoHolds: ['claims.read'],
  },
  revokeRole: {
    prepare: async (world, tenantId) => ({
      path: { id: await aUser(world, tenantId, viewer(tenantId)), roleId: viewer(tenantId) },
    }),
    writes: ['role.revoke'],
  },
  getEffectivePermissions: { prepare: async (world, tenantId) => ({ path: { id: await aUser(world, tenantId) } }) },
  exportRoleMatrix: { prepare: nothing },
  listPermissions: { prepare: nothing },
  listPermissionUsers: { prepare: () => Promise.resolve({ path: { permissionId: 'claims.read' } }) },
  listPeople: { prepare: nothing },
  createUser: {
    prepare: async (world, tenantId) => ({
      body: { email: `${aName()}@example.com`, displayName: 'New', roleIds: [await aRole(world, tenantId)] },
    }),
    status: 201,
    alsoHolds: ['claims.read'],
  },
  getUser: { prepare: async (world, tenantId) => ({ path: { id: await aUser(world, tenantId) } }) },
  updateUser: {
    prepare: async (world, tenantId) => ({
      path: { id: await aUser(world, tenantId) },
      body: { displayName: 'After', email: `${aName()}@example.com` },
    }),
    writes: ['user.update'],
  },
  deleteUser: {
    prepare: async (world, tenantId) => {
      const id = await aUser(world, tenantId, viewer(tenantId));
      const successorId = await aUser(world, tenantId);
      await world.sql(
        `insert into security.user_assignment (tenant_id, user_id, assigned_user_id) values ($1, $2, $3)`,
        [tenantId, id, successorId],
      );
      await world.sql(`insert into security.record (tenant_id, id, owner_user_id) values ($1, $2, $2)`, [tenantId, id]);
      return { path: { id }, query: `successorId=${successorId}` };
    },
    writes: ['user.delete', 'role.revoke', 'assignment.delete', 'record.transfer'],
  },
  resetPassword: { prepare: async (world, tenantId) => ({ path: { id: await aUser(world, tenantId) } }) },
  unlockUser: {
    prepare: async (world, tenantId) => {
      const id = await aUser(world, tenantId);
      await world.superSql(`insert into security.sign_in_failure (tenant_id, email_key, failures, failed_at, locked_until)
        values ('${tenantId}', security.email_key('${id}@example.com'), 5, now(), now() + interval '15 minutes')`);
      return { path: { id } };
    },
  },
  transitionRole: {
    prepare: async (world, tenantId) => ({
      path: { id: await aUser(world, tenantId, viewer(tenantId)) },
      body: { fromRoleId: viewer(tenantId), toRoleId: await aRole(world, tenantId) },
    }),
    writes: ['role.revoke', 'role.assign'],
    alsoHolds: ['claims.read'],
  },
  listTeamAssignments: { prepare: nothing },
  createTeamAssignment: {
    prepare: async (world, tenantId) => ({
      body: { managerId: await aUser(world, tenantId), userId: await aUser(world, tenantId) },
    }),
    writes: ['assignment.create'],
  },
  deleteTeamAssignment: {
    prepare: async (world, tenantId) => {
      const [manager, rep] = [await aUser(world, tenantId), await aUser(world, tenantId)];
      await world.sql(
        `insert into security.user_assignment (tenant_id, user_id, assigned_user_id) values ($1, $2, $3)`,
        [tenantId, manager, rep],
      );
      return { query: `managerId=${manager}&userId=${rep}` };
    },
  },
  listRecords: { prepare: nothing },
  createRecord: {
    prepare: async (world, tenantId) => ({
      body: { id: `record-${randomUUID()}`, ownerUserId: await aUser(world, tenantId) },
    }),
    alsoHolds: ['records.admin'],
  },
  transferRecord: {
    prepare: async (world, tenantId) => ({
      path: { id: await aRecord(world, tenantId) },
      body: { ownerUserId: await aUser(world, tenantId) },
    }),
  },
  deleteRecord: {
    prepare: async (world, tenantId) => ({ path: { id: await aRecord(world, tenantId) } }),
    alsoHolds: ['records.admin'],
  },
  listElevations: { prepare: nothing },
  getElevation: { prepare: async (world, tenantId) => ({ path: await anElevation(world, tenantId) }) },
  approveElevation: {
    prepare: async (world, tenantId) => ({ path: await anElevation(world, tenantId), body: {} }),
    alsoHolds: ['claims.read'],
  },
  denyElevation: { prepare: async (world, tenantId) => ({ path: await anElevation(world, tenantId), body: {} }) },
  listDelegations: { prepare: nothing },
  endDelegation: {
    prepare: async (world, tenantId) => ({ path: await aDelegation(world, tenantId) }),
    writes: ['delegation.end', 'role.revoke'],
  },
  getAccessPolicy: { prepare: nothing },
  replaceAccessPolicy: {
    prepare: (world) =>
      world.sql(`update security.access_policy set delegation_max_days = delegation_max_days % 365 + 1`).then(() => ({
        body: { elevationMaxMinutes: 480, elevationAnswerHours: 72, delegationMaxDays: 31, emergency: [] },
      })),
  },
  listEmergencies: { prepare: nothing },
  reviewEmergencyAccess: {
    prepare: async (world, tenantId) => ({
      path: await anEmergency(world, tenantId),
      body: { verdict: 'justified' },
    }),
    writes: ['emergency_access.end', 'emergency_access.review', 'role.revoke'],
  },
  listReviews: { prepare: nothing },
  startReview: { prepare: () => Promise.resolve({ body: { name: 'A test' } }), status: 201 },
  getReview: { prepare: async (world, tenantId) => ({ path: { id: (await aReview(world, tenantId)).id } }) },
  listReviewItems: { prepare: async (world, tenantId) => ({ path: { id: (await aReview(world, tenantId)).id } }) },
  decideReviewItem: {
    prepare: async (world, tenantId) => ({
      path: { ...(await aReview(world, tenantId)) },
      body: { decision: 'revoke' },
    }),
    writes: ['review.decide', 'role.revoke'],
  },
  closeReview: { prepare: async (world, tenantId) => ({ path: { id: (await aReview(world, tenantId)).id } }) },
  exportReview: { prepare: async (world, tenantId) => ({ path: { id: (await aReview(world, tenantId)).id } }) },
  listAuditLog: { prepare: nothing },
  getAuditLogState: { prepare: nothing },
  exportAuditLog: { prepare: nothing },
};

/** The fixture of the operation. Throws an Error that says what to add where there is none. */
export function fixtureOf(operationId: string, fixtures = OPERATION_FIXTURES): OperationFixture {
  const fixture = Object.hasOwn(fixtures, operationId) ? fixtures[operationId] : undefined;
  if (fixture !== undefined) return fixture;
  throw new Error(
    `operation \`${operationId}\` has no fixture: add a line \`${operationId}: { prepare: … }\` to OPERATION_FIXTURES in ` +
      'tests/support/operation-fixtures.ts that makes what one valid call of it is about',
  );
}

/** Calls it, in whatever way its method asks for. */
export function callOperation(
  service: RunningService,
  { operation, call, as }: { operation: ContractOperation; call: OperationCall; as: As },
): Promise<Answered<unknown>> {
  const { path = {}, query = '', body } = call;
  const filled = operation.path.replace(/\{(\w+)\}/g, (_, name: string) =>
    encodeURIComponent(path[name] ?? `no-${name}`),
  );
  const url = `${filled}${query === '' ? '' : `?${query}`}`;
  switch (operation.method) {
    case 'GET':
      return service.get(url, { as });
    case 'DELETE':
      return service.delete(url, { as });
    case 'PUT':
      return service.put(url, body, { as });
    case 'PATCH':
      return service.patch(url, body, { as });
    default:
      return service.post(url, operation.takesBody ? (body ?? {}) : undefined, { as });
  }
}
