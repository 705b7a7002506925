/**
 * May this user do this? Written down a second time, from the requirement alone: plain rows in, yes or no out. No tuples,
 * no model, no engine, and not an import: what it has in common with src/ is what was asked for.
 *
 * Moments are microseconds since 1970; null is an open end.
 */

interface Window {
  readonly from: number | null;
  readonly until: number | null;
}

export interface Rows {
  readonly tenants: readonly { readonly id: string; readonly status: string }[];
  readonly users: readonly { readonly id: string; readonly tenant: string | null; readonly status: string }[];
  readonly admins: readonly { readonly user: string }[];
  readonly roles: readonly {
    readonly id: string;
    readonly tenant: string;
    readonly name: string;
    readonly system: boolean;
  }[];
  readonly grants: readonly { readonly role: string; readonly permission: string }[];
  /** A role of one tenant by its id, or of all by its name. */
  readonly held: readonly (Window & {
    readonly user: string;
    readonly role: string | null;
    readonly name: string | null;
    readonly revoked: boolean;
  })[];
  readonly edges: readonly (Window & { readonly tenant: string; readonly manager: string; readonly user: string })[];
  readonly records: readonly { readonly tenant: string; readonly id: string; readonly owner: string }[];
}

export interface Asked {
  readonly user: string;
  readonly permission: string;
  readonly tenant: string;
  /** `profile:<id>` or `record:<id>`; without one the tenant itself. */
  readonly object?: string | undefined;
}

/** The permissions that change something; all others read. */
const WRITING = /\.(update|admin|create)$/;

/** The answers that hold for these rows at that moment. */
export function createOracle(rows: Rows, at: number): (asked: Asked) => boolean {
  const tenants = new Map(rows.tenants.map((tenant) => [tenant.id, tenant]));
  const users = new Map(rows.users.map((user) => [user.id, user]));
  const admins = new Set(rows.admins.map(({ user }) => user));
  const granted = new Set(rows.grants.map(({ role, permission }) => `${role} ${permission}`));
  const records = new Map(rows.records.map((record) => [`${record.tenant} ${record.id}`, record]));
  const rolesOfTenant = group(rows.roles, ({ tenant }) => tenant);
  const heldBy = group(rows.held, ({ user }) => user);
  const managersOf = group(rows.edges, ({ tenant, user }) => `${tenant} ${user}`);

  const counts = ({ from, until }: Window): boolean => (from === null || at >= from) && (until === null || at < until);
  const isActive = (user: string): boolean => users.get(user)?.status === 'active';
  const isReadable = (tenant: string): boolean => ['active', 'read_only'].includes(tenants.get(tenant)?.status ?? '');
  const isWritable = (tenant: string): boolean => tenants.get(tenant)?.status === 'active';
  const isThere = (tenant: string, user: string): boolean => users.get(user)?.tenant === tenant;

  /** The roles of the tenant that the user has, now. */
  function rolesOf(tenant: string, user: string): string[] {
    if (!isActive(user)) return [];
    const held = (heldBy.get(user) ?? []).filter((row) => !row.revoked && counts(row));
    return (rolesOfTenant.get(tenant) ?? [])
      .filter((role) => held.some((row) => row.role === role.id || (role.system && row.name === role.name)))
      .map(({ id }) => id);
  }

  /** A permission on the tenant as a whole. */
  function onTenant(tenant: string, user: string, permission: string): boolean {
    if (!tenants.has(tenant)) return false;
    const isAdmin = admins.has(user) && isActive(user);
    const hasRole = rolesOf(tenant, user).some((role) => granted.has(`${role} ${permission}`));
    if (WRITING.test(permission)) return isWritable(tenant) && (isAdmin || hasRole);
    return isAdmin || (isReadable(tenant) && hasRole);
  }

  /** Whether one is a manager of the other, or of a manager of theirs, however far. */
  function isAbove(tenant: string, manager: string, user: string): boolean {
    const reached = new Set<string>();
    const next = [user];
    for (let below = next.pop(); below !== undefined; below = next.pop()) {
      for (const edge of managersOf.get(`${tenant} ${below}`) ?? []) {
        if (!counts(edge) || reached.has(edge.manager)) continue;
        reached.add(edge.manager);
        next.push(edge.manager);
      }
    }
    return reached.has(manager) && isActive(manager);
  }

  function readsProfile(tenant: string, user: string, whose: string): boolean {
    if (!isThere(tenant, whose)) return false;
    const isOwn = user === whose && isReadable(tenant) && rolesOf(tenant, user).length > 0;
    const leads = isAbove(tenant, user, whose) && onTenant(tenant, user, 'team.read');
    return isOwn || leads || onTenant(tenant, user, 'users.read');
  }

  const changesProfile = (tenant: string, user: string, whose: string): boolean =>
    user === whose && isThere(tenant, whose) && isWritable(tenant) && rolesOf(tenant, user).length > 0;

  return ({ user, permission, tenant, object = '' }) => {
    const [type = '', id = ''] = object.split(':');
    const record = records.get(`${tenant} ${id}`);
    switch (permission) {
      case 'profile.read':
        return type === 'profile' && readsProfile(tenant, user, id);
      case 'profile.update':
        return type === 'profile' && changesProfile(tenant, user, id);
      case 'record.read':
        if (record === undefined) return false;
        return readsProfile(tenant, user, record.owner) || onTenant(tenant, user, 'records.read');
      case 'record.update':
        return record !== undefined && changesProfile(tenant, user, record.owner);
      default:
        return onTenant(tenant, user, permission);
    }
  };
}

function group<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const others = groups.get(keyOf(item));
    if (others === undefined) groups.set(keyOf(item), [item]);
    else others.push(item);
  }
  return groups;
}
