/**
 * The first platform admin: there is no default account, so somebody must come first, once.
 *
 * Whoever holds the bootstrap token, or may run a command on the database, makes them and gets their one-time password.
 * Once there is a platform admin it is refused for good; of two at the same moment one is.
 */
import type { Tx } from '../platform/postgres.js';
import { Problem } from '../shared/problem.js';
import { insertPlatformAdmin, lockPlatformAdmins } from './bootstrap-store.js';
import type { Passwords } from './passwords.js';

export interface FirstAdmin {
  readonly email: string;
  readonly displayName: string;
}

/** `tx` acts for the platform. Throws Problem PLATFORM_ADMIN_EXISTS. */
export async function bootstrapPlatformAdmin(
  tx: Tx,
  admin: FirstAdmin,
  setOneTimePassword: Passwords['setOneTimePassword'],
): Promise<{ readonly userId: string; readonly oneTimePassword: string }> {
  if (await lockPlatformAdmins(tx)) {
    throw new Problem('PLATFORM_ADMIN_EXISTS', 'there is a platform admin already');
  }
  const userId = await insertPlatformAdmin(tx, admin);
  return { userId, ...(await setOneTimePassword(tx, userId)) };
}
