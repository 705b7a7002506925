/**
 * Two tenants of preset `emr` with their people, a platform admin, and a service over them: what the tests of role
 * administration begin with. Every answer is held to the contract. Users are created by the test, so that none depends
 * on another.
 */
import type { AuditEntry, Role } from '../../src/contract/api.js';
import { startService } from './service.js';
import type { As, RunningService, ServiceOver } from './service.js';
import { createWorld } from './world.js';
import type { World } from './world.js';

/** Enough for a machine under load: what is tested here is never how long it takes. */
export const PATIENT = {
  requestTimeoutMs: 10_000,
  engineTimeoutMs: 5_000,
  syncWaitMs: 5_000,
  validateResponses: true,
} as const satisfies ServiceOver;

/** Holds all of `EMR_CLIENT_ADMIN`; `abe` is a second one, so that the last admin is nobody's obstacle. */
export const ADA = { as: { user: 'ada', tenant: 'acme' } };
export const VIC = { as: { user: 'vic', tenant: 'acme' } };
/** Reads the audit log. */
export const CONNY = { as: { user: 'conny', tenant: 'acme' } };
/** The admin of the other tenant, in their own. */
export const ODA = { as: { user: 'oda', tenant: 'other' } };
/** A platform admin who looks into `acme` from outside. */
export const ROOT = { as: { user: 'root', tenant: 'acme' } };

export interface Office {
  readonly world: World;
  readonly service: RunningService;
  /** A custom role of `acme` with these permissions, made as an operator would. */
  addRole(roleName: string, permissions?: readonly string[]): Promise<Pick<Role, 'id' | 'version'>>;
  /** A user of `acme` with these roles, by id. */
  addHolder(userId: string, roleIds: readonly string[]): Promise<void>;
  /** The entries of `acme` and of the platform since `entryId`, oldest first, as `purpose`, `entity` and details. */
  entriesSince(entryId: string): Promise<Entry[]>;
  lastEntryId(): Promise<string>;
  /** How many entries the outbox was ever given. */
  outboxPosition(): Promise<string>;
  /** An impersonation of the tenant by `root` that is active. */
  impersonate(tenantId: string): Promise<As>;
  end(): Promise<void>;
}

export interface Entry {
  readonly tenantId: string;
  readonly actorUserId: string | null;
  readonly entityType: string;
  readonly entityId: string;
  readonly action: AuditEntry['accessAction'];
  readonly purpose: string;
  readonly requestId: string | null;
  readonly impersonationId: string | null;
  readonly details: Record<string, unknown>;
}

export async function openOffice(over: ServiceOver = {}): Promise<Office> {
  const world = await createWorld();
  await world.addTenant('acme', 'emr');
  await world.addTenant('other', 'emr');
  await world.addUser('acme', 'ada', ['EMR_CLIENT_ADMIN']);
  await world.addUser('acme', 'abe', ['EMR_CLIENT_ADMIN']);
  await world.addUser('acme', 'vic', ['EMR_CLIENT_VIEWER']);
  await world.addUser('acme', 'conny', ['CONFIG_MANAGER']);
  await world.addUser('other', 'oda', ['EMR_CLIENT_ADMIN', 'CONFIG_MANAGER']);
  await world.addUser(null, 'root');
  await world.sql(`insert into identity.platform_admin (user_id) values ('root')`);
  const service = await startService(world, { ...PATIENT, ...over });
  await service.settle();

  return {
    world,
    service,
    async addRole(roleName, permissions = []) {
      const id = `acme.${roleName.toLowerCase()}`;
      await world.sql(`insert into security.role (id, tenant_id, name) values ($1, 'acme', $2)`, [id, roleName]);
      await world.sql(
        `insert into security.role_permission (role_id, permission_id) select $1::text, unnest($2::text[])`,
        [id, permissions],
      );
      const [role] = await world.sql<{ version: number }>(
        `select version::int as version from security.role where id = $1`,
        [id],
      );
      await service.settle();
      return { id, version: role?.version ?? 0 };
    },
    async addHolder(userId, roleIds) {
      await world.addUser('acme', userId);
      await world.sql(`insert into security.user_role (user_id, role_id) select $1::text, unnest($2::text[])`, [
        userId,
        roleIds,
      ]);
      await service.settle();
    },
    entriesSince: (entryId) =>
      world.sql<Entry>(
        `select tenant_id as "tenantId", actor_user_id as "actorUserId", accessed_entity_type as "entityType",
                accessed_entity_id as "entityId", access_action as action, purpose, request_id as "requestId",
                impersonation_id as "impersonationId", details
         from audit.access_log where id > $1::bigint order by id`,
        [entryId],
      ),
    async lastEntryId() {
      const [row] = await world.sql<{ id: string }>(`select coalesce(max(id), 0)::text as id from audit.access_log`);
      return row?.id ?? '0';
    },
    async outboxPosition() {
      // Whose sequence it is may read it; Postgres 15 lets nobody else.
      const { rows } = await world.pool(undefined).transaction((tx) =>
        tx.query<{ n: string }>({
          text: `select coalesce(pg_sequence_last_value(pg_get_serial_sequence('sync.outbox', 'id')), 0)::text as n`,
        }),
      );
      return rows[0]?.n ?? '0';
    },
    async impersonate(tenantId) {
      // one at a time
      await world.sql(
        `update identity.impersonation set ended_at = now() where actor_user_id = 'root' and ended_at is null`,
      );
      const [row] = await world.sql<{ id: string }>(
        `insert into identity.impersonation (actor_user_id, tenant_id, reason, expires_at)
         values ('root', $1, 'a test', now() + interval '30 minutes') returning id`,
        [tenantId],
      );
      return { user: 'root', tenant: tenantId, impersonation: row?.id ?? '' };
    },
    async end() {
      await service.stop();
      await world.end();
    },
  };
}
