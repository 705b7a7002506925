/** The operations of role administration. */
import { effectiveOperations } from './effective-operations.js';
import type { EffectiveOptions } from './effective-operations.js';
import { matrixExport } from './matrix-export.js';
import { permissionSetOperations } from './permission-set-operations.js';
import { roleOperations } from './role-operations.js';
import { transitionOperations } from './transition-operations.js';
import { userRoleOperations } from './user-role-operations.js';

export const rbacOperations = (options: EffectiveOptions) => ({
  ...roleOperations(options),
  ...permissionSetOperations(options),
  ...userRoleOperations(options),
  ...transitionOperations(options),
  ...effectiveOperations(options),
  ...matrixExport(options),
});
