/**
 * The people of a tenant: listing, adding, changing and removing them, and giving them one-time passwords.
 *
 * Who may be given which role, whose address or password may be set by whom, and that an administrator is left, is held by
 * the database (migrations/0008, 0015). INVARIANT: a one-time password is in one answer and, sealed, in one mail; it is
 * kept nowhere. tests/integration/people.test.ts.
 */
import { z } from 'zod';

import { tenantOf } from '../audit/change.js';
import type { Change, Show } from '../audit/change.js';
import type { Tx } from '../platform/postgres.js';
import type { Operations, RequestContext } from '../shared/operation.js';
import { decodePlace, toPage } from '../shared/page-cursor.js';
import { Problem } from '../shared/problem.js';
import { handOver } from './one-time-password.js';
import type { PasswordPost } from './one-time-password.js';
import { namedFault, noSuchUser, tidyDisplayName, tidyEmail, userBody } from './person.js';
import {
  countRecords,
  findUser,
  insertUser,
  insertUserRoles,
  listUsers,
  lockUser,
  noteUnlock,
  removeUser,
  transferRecords,
  updateUser,
} from './user-store.js';
import type { UserRow } from './user-store.js';

export interface UserOptions extends PasswordPost {
  readonly change: Change;
  readonly show: Show;
  /** Ends every session of the user; undefined where nobody signs in here. */
  readonly revokeSessions?: (tx: Tx, userId: string) => Promise<unknown>;
  /** Ends the lock of failed sign-ins; resolves to whether there were any. */
  readonly unlock?: (tx: Tx, userId: string) => Promise<boolean>;
}

const place = z.tuple([z.string().max(300)]);
/** Shown in every list of roles, and nobody's to assign. */
const PLATFORM_ROLE_ID = 'PLATFORM_ADMIN';

export function userOperations(options: UserOptions) {
  const { change, show, now } = options;

  async function getUser(tx: Tx, tenantId: string, userId: string): Promise<UserRow> {
    const user = await findUser(tx, { tenantId, userId, now: now() });
    if (user === undefined) throw noSuchUser();
    return user;
  }

  /** Whose e-mail addresses were shown to whom is written down. */
  function shown<T>(
    context: RequestContext,
    entry: { entityId: string; purpose: string },
    work: (tx: Tx) => Promise<T>,
  ): Promise<T> {
    return show(context, tenantOf(context), async (tx, writeDown) => {
      const result = await work(tx);
      await writeDown({ entityType: 'app_user', action: 'READ', ...entry });
      return result;
    });
  }

  return {
    async listPeople({ query: { search, state, cursor, limit = 50 } }, context) {
      const tenantId = tenantOf(context);
      const [after = ''] = decodePlace(cursor, place) ?? [];
      const rows = await shown(context, { entityId: '*', purpose: 'user.list' }, (tx) =>
        listUsers(tx, { tenantId, now: now(), search, state, after, limit: limit + 1 }),
      );
      const { items, nextCursor } = toPage(rows, limit, (user) => [user.place]);
      return { status: 200, body: { items: items.map(userBody), nextCursor } };
    },
    async getUser({ path: { id } }, context) {
      const tenantId = tenantOf(context);
      const user = await shown(context, { entityId: id, purpose: 'user.read' }, (tx) => getUser(tx, tenantId, id));
      return { status: 200, body: userBody(user) };
    },
    async createUser({ body }, context) {
      const tenantId = tenantOf(context);
      const email = tidyEmail(body.email);
      const displayName = tidyDisplayName(body.displayName);
      const roleIds = [...new Set(body.roleIds)];
      if (roleIds.includes(PLATFORM_ROLE_ID)) {
        throw new Problem('SYSTEM_ROLE_PROTECTED', `\`${PLATFORM_ROLE_ID}\` is not assigned in a tenant`);
      }
      const { result, ...receipt } = await change(context, { tenantId }, async (tx) => {
        const userId = await insertUser(tx, { tenantId, email, displayName }).catch(rethrowNamed);
        const assigned = await insertUserRoles(tx, { tenantId, userId, roleIds });
        if (assigned < roleIds.length) throw new Problem('NOT_FOUND', 'there is no such role');
        const handed = await handOver(tx, { tenantId, userId, template: 'one-time-password' }, options);
        return { user: userBody(await getUser(tx, tenantId, userId)), ...handed };
      });
      return { status: 201, body: { ...result, ...receipt } };
    },
    async updateUser({ path: { id }, body: { status, ...body } }, context) {
      const tenantId = tenantOf(context);
      const email = body.email === undefined ? undefined : tidyEmail(body.email);
      const displayName = body.displayName === undefined ? undefined : tidyDisplayName(body.displayName);
      const { result, ...receipt } = await change(context, { tenantId }, async (tx) => {
        if (!(await lockUser(tx, tenantId, id))) throw noSuchUser();
        await updateUser(tx, id, { email, displayName, status }).catch(rethrowNamed);
        if (status === 'disabled') await options.revokeSessions?.(tx, id);
        return await getUser(tx, tenantId, id);
      });
      return { status: 200, body: { ...userBody(result), ...receipt } };
    },
    async deleteUser({ path: { id }, query: { successorId } }, context) {
      const tenantId = tenantOf(context);
      const { syncToken, applied } = await change(context, { tenantId }, async (tx) => {
        if (!(await lockUser(tx, tenantId, id))) throw noSuchUser();
        await handRecordsOn(tx, { tenantId, from: id, to: successorId });
        await removeUser(tx, tenantId, id);
      });
      return { status: 200, body: { syncToken, applied } };
    },
    async resetPassword({ path: { id } }, context) {
      if (options.setOneTimePassword === undefined) {
        throw new Problem('NOT_FOUND', 'nobody signs in here: `BAILIWICK_ISSUER` is not set');
      }
      const tenantId = tenantOf(context);
      const { result, ...receipt } = await change(context, { tenantId }, async (tx) => {
        if (!(await lockUser(tx, tenantId, id))) throw noSuchUser();
        return await handOver(tx, { tenantId, userId: id, template: 'password-reset' }, options);
      });
      return { status: 200, body: { ...result, ...receipt } };
    },
    async unlockUser({ path: { id } }, context) {
      const tenantId = tenantOf(context);
      const { result, ...receipt } = await change(context, { tenantId }, async (tx) => {
        if (!(await lockUser(tx, tenantId, id))) throw noSuchUser();
        const changed = (await options.unlock?.(tx, id)) ?? false;
        if (changed) await noteUnlock(tx, id);
        return changed;
      });
      return { status: 200, body: { changed: result, ...receipt } };
    },
  } satisfies Partial<Operations>;
}

async function handRecordsOn(
  tx: Tx,
  { tenantId, from, to }: { tenantId: string; from: string; to: string | undefined },
): Promise<void> {
  if (to === undefined) {
    const count = await countRecords(tx, tenantId, from);
    if (count === 0) return;
    const owned = `${String(count)} ${count === 1 ? 'record' : 'records'}`;
    throw new Problem('OWNS_RECORDS', `the user owns ${owned}: name who owns them from then on as \`successorId\``);
  }
  if (to === from || !(await lockUser(tx, tenantId, to))) {
    throw new Problem('NOT_FOUND', 'there is no such user to own the records');
  }
  await transferRecords(tx, { tenantId, from, to });
}

function rethrowNamed(error: unknown): never {
  throw namedFault(error);
}
