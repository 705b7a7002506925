/** `PLATFORM_ADMIN`: no row and nobody's to assign; shown in every list of roles as a locked one that has everything. */
import { catalogue } from '../contract/model.js';
import { Problem } from '../shared/problem.js';
import type { RoleRow } from './role-store.js';

export const PLATFORM_ROLE_ID = 'PLATFORM_ADMIN';

export const platformRole: RoleRow = {
  id: PLATFORM_ROLE_ID,
  roleName: PLATFORM_ROLE_ID,
  description: 'Platform administrators: every permission in every tenant, writing ones in active tenants alone',
  isSystem: true,
  permissionIds: catalogue
    .filter(({ objectType }) => objectType === 'tenant')
    .map(({ id }) => id)
    .sort(),
  // Who they are is the platform's business, not the tenant's.
  activeUserCount: 0,
  version: 0,
};

/** Throws Problem SYSTEM_ROLE_PROTECTED where the id is that of `PLATFORM_ADMIN`. */
export function refusePlatformRole(roleId: string): void {
  if (roleId !== PLATFORM_ROLE_ID) return;
  throw new Problem('SYSTEM_ROLE_PROTECTED', '`PLATFORM_ADMIN` is neither assigned, cloned nor changed');
}
