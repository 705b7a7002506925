/**
 * The grammar of ids and their one encoding into OpenFGA's names.
 *
 * Tenants, users, roles and records have opaque ids that other programs choose. OpenFGA reads `:` `#` `*` and white
 * space in a name as structure (`user:*` is everyone, `a#member` is a userset), so the grammar admits none of them,
 * and `/` is kept for our own joint. The same grammar stands as a CHECK on every table (`security.valid_id`).
 *
 * INVARIANT: the encoding is injective: `/` never occurs in an id, so `<tenant>/<id>` splits in one way only, and the
 * longest name (`profile:` + 120 + `/` + 120 = 249 characters) stays under OpenFGA's 256. tests/unit/ids.test.ts.
 */

/** 1 to 120 characters of printable ASCII without OpenFGA's own separators. */
export const ID_PATTERN = /^[A-Za-z0-9_][A-Za-z0-9_.@|+=~-]{0,119}$/;

/** The one object of type `platform`: platform admins are its `super_admin`. */
export const PLATFORM_OBJECT = 'platform:main';

/** Whether `value` may be the id of a tenant, user, role or record. */
export function isId(value: unknown): value is string {
  return typeof value === 'string' && ID_PATTERN.test(value);
}

/** An id that the engine's grammar cannot hold: the key it belongs to cannot be projected. */
export class MalformedIdError extends Error {
  readonly value: unknown;

  constructor(value: unknown) {
    super(`\`${String(value).slice(0, 200)}\` is not an id`);
    this.name = 'MalformedIdError';
    this.value = value;
  }
}

function requireId(value: string): string {
  if (!isId(value)) throw new MalformedIdError(value);
  return value;
}

/** Engine names, the tenant built in: `role('t1', 'r1')` is `role:t1/r1`. Each throws MalformedIdError. */
export const engineName = {
  user: (userId: string): string => `user:${requireId(userId)}`,
  tenant: (tenantId: string): string => `tenant:${requireId(tenantId)}`,
  role: (tenantId: string, roleId: string): string => `role:${requireId(tenantId)}/${requireId(roleId)}`,
  assignees: (tenantId: string, roleId: string): string => `${engineName.role(tenantId, roleId)}#assignee`,
  profile: (tenantId: string, userId: string): string => `profile:${requireId(tenantId)}/${requireId(userId)}`,
  record: (tenantId: string, recordId: string): string => `record:${requireId(tenantId)}/${requireId(recordId)}`,
} as const;
