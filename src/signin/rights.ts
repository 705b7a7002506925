/** The claims that say what the subject of a token may be taken for: the same in a token and in its introspection. */
import type { Tx } from '../platform/postgres.js';
import { isPlatformAdmin, listManagedUserIds, listRoleNames } from './claims-store.js';

/** Named as in the token. */
export interface Rights {
  readonly roles?: string[];
  readonly roles_omitted?: true;
  readonly managed_user_ids?: string[];
  readonly managed_user_ids_omitted?: true;
}

/** Of somebody who must change their password first: whoever verifies the token elsewhere may let them do nothing. */
export const NO_RIGHTS: Rights = { roles: [], managed_user_ids: [] };

const MANAGED_MAX = 100;
/** A token must stay under the 8 KiB that this service takes: room for a hundred UUIDs, and for some forty roles. */
const MANAGED_CHARACTERS_MAX = 4_200;
const ROLE_CHARACTERS_MAX = 1_000;

/** The rights of a subject now. Lists that would not fit in a token are left out, and that is said. */
export async function rightsOf(
  tx: Tx,
  whose: { readonly userId: string; readonly tenantId: string | null; readonly impersonationId: string | undefined },
  now: Date,
): Promise<Rights> {
  const { userId, tenantId, impersonationId } = whose;
  if (tenantId === null || impersonationId !== undefined) {
    return { roles: (await isPlatformAdmin(tx, userId)) ? ['PLATFORM_ADMIN'] : [] };
  }
  const roles = await listRoleNames(tx, { userId, tenantId, now });
  const managed = await listManagedUserIds(tx, { userId, tenantId, now, limit: MANAGED_MAX + 1 });
  const fits = (list: readonly string[], charactersMax: number): boolean =>
    JSON.stringify(list).length <= charactersMax;
  return {
    ...(fits(roles, ROLE_CHARACTERS_MAX) ? { roles } : { roles_omitted: true }),
    ...(managed.length <= MANAGED_MAX && fits(managed, MANAGED_CHARACTERS_MAX)
      ? { managed_user_ids: managed }
      : { managed_user_ids_omitted: true }),
  };
}
