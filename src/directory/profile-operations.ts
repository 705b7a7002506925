/** One's own profile. Who may see and change it is asked of the engine: it is the subject's alone to write. */
import { requireUser, tenantOf } from '../audit/change.js';
import type { Change, Show } from '../audit/change.js';
import type { Tx } from '../platform/postgres.js';
import type { Operations, RequestContext } from '../shared/operation.js';
import { noSuchUser, tidyDisplayName } from './person.js';
import { findProfile, lockUser, updateUser } from './user-store.js';
import type { ProfileRow } from './user-store.js';

export interface ProfileOptions {
  readonly change: Change;
  readonly show: Show;
  /** Throws Problem FORBIDDEN where the caller may not do this to their own profile. */
  readonly authorizeOwn: (permission: 'profile.read' | 'profile.update', context: RequestContext) => Promise<void>;
}

export function profileOperations({ change, show, authorizeOwn }: ProfileOptions) {
  return {
    async getMyProfile(_input, context) {
      await authorizeOwn('profile.read', context);
      const tenantId = tenantOf(context);
      const { actorUserId: userId } = requireUser(context);
      return { status: 200, body: await show(context, tenantId, (tx) => getProfile(tx, tenantId, userId)) };
    },
    async updateMyProfile({ body }, context) {
      await authorizeOwn('profile.update', context);
      const tenantId = tenantOf(context);
      const { actorUserId: userId } = requireUser(context);
      const displayName = tidyDisplayName(body.displayName);
      const { result, ...receipt } = await change(context, { tenantId }, async (tx) => {
        if (!(await lockUser(tx, tenantId, userId))) throw noSuchUser();
        await updateUser(tx, userId, { displayName });
        return await getProfile(tx, tenantId, userId);
      });
      return { status: 200, body: { ...result, ...receipt } };
    },
  } satisfies Partial<Operations>;
}

async function getProfile(tx: Tx, tenantId: string, userId: string): Promise<ProfileRow> {
  const profile = await findProfile(tx, tenantId, userId);
  if (profile === undefined) throw noSuchUser();
  return profile;
}
