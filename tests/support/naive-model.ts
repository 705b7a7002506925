/**
 * What must stand in the engine, by the rows as they are: written down a second time, plainly, table by table, and
 * without a look at src/. The property tests hold the projection and the projector to it.
 */
import type { Pool } from '../../src/platform/postgres.js';

interface Rows {
  tenants: { id: string; status: string }[];
  admins: { user_id: string }[];
  users: { id: string; tenant_id: string | null; status: string }[];
  roles: { id: string; tenant_id: string; name: string; is_system: boolean }[];
  grants: { role_id: string; tenant_id: string; permission_id: string }[];
  held: {
    user_id: string;
    role_id: string | null;
    role_name: string | null;
    slot: string;
    valid_from: Date | null;
    expires_at: Date | null;
    revoked_at: Date | null;
  }[];
  edges: {
    tenant_id: string;
    user_id: string;
    assigned_user_id: string;
    valid_from: Date | null;
    expires_at: Date | null;
  }[];
  records: { tenant_id: string; id: string; owner_user_id: string }[];
}

/** Reads all rows and says what tuples they mean, a line each, sorted. */
export async function expectedLines(pool: Pool): Promise<string[]> {
  return await pool.transaction(async (tx) => {
    const read = async <Row>(text: string): Promise<Row[]> => (await tx.query<Row>({ text })).rows;
    return linesOf({
      tenants: await read('select * from identity.tenant'),
      admins: await read('select * from identity.platform_admin'),
      users: await read('select * from security.app_user'),
      roles: await read('select * from security.role'),
      grants: await read('select * from security.role_permission'),
      held: await read('select * from security.user_role order by ordinal'),
      edges: await read('select * from security.user_assignment'),
      records: await read('select * from security.record'),
    });
  });
}

function linesOf({ tenants, admins, users, roles, grants, held, edges, records }: Rows): string[] {
  const lines: string[] = [];
  const isActive = (userId: string): boolean => users.some(({ id, status }) => id === userId && status === 'active');
  for (const { id, status } of tenants) {
    lines.push(`platform:main platform tenant:${id}`);
    if (status !== 'suspended') lines.push(`tenant:${id} readable tenant:${id}`);
    if (status === 'active') lines.push(`tenant:${id} writable tenant:${id}`);
  }
  for (const { user_id: user } of admins) if (isActive(user)) lines.push(`user:${user} super_admin platform:main`);
  for (const { id, tenant_id: tenant, status } of users) {
    if (tenant === null) continue;
    lines.push(`tenant:${tenant} tenant profile:${tenant}/${id}`);
    if (status === 'active') lines.push(`user:${id} subject profile:${tenant}/${id}`);
  }
  for (const { id, tenant_id: tenant } of roles) lines.push(`role:${tenant}/${id}#assignee member tenant:${tenant}`);
  for (const { role_id: role, tenant_id: tenant, permission_id: permission } of grants) {
    lines.push(`role:${tenant}/${role}#assignee grant.${permission} tenant:${tenant}`);
  }
  for (const row of held) {
    if (row.revoked_at !== null || !isActive(row.user_id)) continue;
    for (const role of roles) {
      const own = held.filter(({ user_id: user, role_id: id }) => user === row.user_id && id === role.id);
      const beside = own.find(({ revoked_at: revoked }) => revoked === null) ?? own.at(-1);
      let slot: string | undefined;
      if (row.role_id === role.id) slot = row.slot;
      if (row.role_name === role.name && role.is_system) {
        slot = beside === undefined ? row.slot : beside.slot === 'a' ? 'b' : 'a';
      }
      if (slot !== undefined)
        lines.push(`user:${row.user_id} ${slot} role:${role.tenant_id}/${role.id}${windowOf(row)}`);
    }
  }
  for (const edge of edges) {
    const [manager, rep] = [edge.user_id, edge.assigned_user_id].map((user) => `profile:${edge.tenant_id}/${user}`);
    lines.push(`${String(manager)} manager ${String(rep)}${windowOf(edge)}`);
  }
  for (const { tenant_id: tenant, id, owner_user_id: owner } of records) {
    lines.push(
      `tenant:${tenant} tenant record:${tenant}/${id}`,
      `profile:${tenant}/${owner} owner record:${tenant}/${id}`,
    );
  }
  return lines.sort();
}

function windowOf({
  valid_from: from,
  expires_at: until,
}: {
  valid_from: Date | null;
  expires_at: Date | null;
}): string {
  if (from === null && until === null) return '';
  const text = (moment: Date): string => moment.toISOString().replace('Z', '000Z');
  return ` ${from === null ? '0001-01-01T00:00:00Z' : text(from)} ${until === null ? '9999-12-31T23:59:59.999999Z' : text(until)}`;
}
