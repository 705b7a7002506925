import type { Role } from '../../../src/contract/api.js';

export const PLATFORM_ROLE_ID = 'PLATFORM_ADMIN';

/** Why a role's set is not changed here; undefined where it is. */
export function lockOf(role: Role, mayAdmin: boolean): 'platform' | 'system' | 'may' | undefined {
  if (role.id === PLATFORM_ROLE_ID) return 'platform';
  if (role.isSystem) return 'system';
  return mayAdmin ? undefined : 'may';
}
