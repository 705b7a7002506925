/**
 * What a user may do, and where it comes from; and who may do it.
 *
 * Two witnesses: the engine says what is granted, the rows say by which roles. Where they disagree the answer says so
 * (`drift`) and hides neither; beside a change that is being applied they may, for a moment.
 */
import { tenantOf } from '../audit/change.js';
import { catalogue } from '../contract/model.js';
import type { CatalogueEntry } from '../contract/model.js';
import { presets } from '../contract/presets.js';
import { engineName } from '../shared/ids.js';
import type { Operations, RequestContext } from '../shared/operation.js';
import { decodePlace, textPlace, toPage } from '../shared/page-cursor.js';
import { Problem } from '../shared/problem.js';
import type { SyncGate } from '../shared/sync-gate.js';
import { EngineError } from '../shared/tuple.js';
import type { TupleStore } from '../shared/tuple.js';
import { findPreset, findUserFacts, listOrigins, listPermissionHolders } from './effective-store.js';
import type { OriginRow, UserFacts } from './effective-store.js';
import { PLATFORM_ROLE_ID } from './platform-role.js';
import type { RbacOptions } from './role-operations.js';
import { noSuchUser } from './user-role-operations.js';

export interface EffectiveOptions extends RbacOptions {
  readonly tuples: TupleStore;
  readonly gate: SyncGate;
}

const grantable = catalogue.filter(({ objectType }) => objectType === 'tenant');

export interface Origin {
  readonly roleId: string;
  readonly roleName: string;
  readonly assignmentId: string | null;
  readonly validFrom: string | null;
  readonly expiresAt: string | null;
}

export function effectiveOperations({ show, tuples, gate, now }: EffectiveOptions) {
  async function granted(asked: readonly { userId: string; permission: string }[], context: RequestContext, at: Date) {
    const object = engineName.tenant(tenantOf(context));
    const questions = asked.map(({ userId, permission }) => ({
      user: engineName.user(userId),
      relation: permission,
      object,
      at,
    }));
    const { deadline } = context;
    const { signal, trace } = deadline;
    const answers = await tuples.batchCheck(questions, { timeoutMs: deadline.remainingMs(), signal, trace });
    return answers.map((answer) => {
      if (!(answer instanceof EngineError)) return answer;
      const detail = 'the decision engine did not answer; this is neither a yes nor a no';
      throw new Problem('ENGINE_UNAVAILABLE', detail, { cause: answer, retryAfterSeconds: 1 });
    });
  }

  return {
    async getEffectivePermissions({ path: { id }, query }, context) {
      const tenantId = tenantOf(context);
      if (context.syncToken !== undefined) await gate.awaitToken(context.syncToken, context.deadline);
      const at = now();
      const { facts, rows } = await show(context, tenantId, async (tx, writeDown) => {
        const found = await findUserFacts(tx, tenantId, id);
        if (found === undefined) throw noSuchUser();
        await writeDown({
          entityType: 'app_user',
          entityId: id,
          action: 'READ',
          purpose: 'user.effective_permissions',
        });
        return { facts: found, rows: await listOrigins(tx, { tenantId, userId: id, at }) };
      });
      const asked = grantable.map((permission) => ({ userId: id, permission: permission.id }));
      const answers = await granted(asked, context, at);
      const items = grantable.flatMap((permission, index) => {
        const item = describe(permission, { granted: answers[index] === true, facts, rows });
        return item.granted || item.drift || query.all === true ? [item] : [];
      });
      return { status: 200, body: { items, nextCursor: null } };
    },
    async listPermissions(_input, context) {
      const tenantId = tenantOf(context);
      const preset = await show(context, tenantId, (tx) => findPreset(tx, tenantId));
      const inPreset = new Set<string>(preset === undefined ? [] : presets[preset].permissions);
      const items = grantable.map(({ id, group, description, kind }) => ({
        id,
        group,
        description,
        kind,
        inPreset: inPreset.has(id),
      }));
      return { status: 200, body: { items, nextCursor: null } };
    },
    async listPermissionUsers({ path: { permissionId }, query }, context) {
      if (!grantable.some(({ id }) => id === permissionId)) {
        throw new Problem('NOT_FOUND', 'there is no such permission');
      }
      const tenantId = tenantOf(context);
      const limit = query.limit ?? 50;
      const [after = ''] = decodePlace(query.cursor, textPlace) ?? [];
      const at = now();
      const rows = await show(context, tenantId, (tx) =>
        listPermissionHolders(tx, { tenantId, at, permissionId, after, limit: limit + 1 }),
      );
      const { items, nextCursor } = toPage(rows, limit, (holder) => [holder.userId]);
      const asked = items.map(({ userId }) => ({ userId, permission: permissionId }));
      const answers = await granted(asked, context, at);
      return { status: 200, body: { items: items.filter((_, index) => answers[index] === true), nextCursor } };
    },
  } satisfies Partial<Operations>;
}

/** One permission as both witnesses have it. */
function describe(
  { id, group, description, kind }: CatalogueEntry,
  { granted, facts, rows }: { granted: boolean; facts: UserFacts; rows: readonly OriginRow[] },
) {
  const origins = rows.filter(({ permissionId }) => permissionId === id).map(toOrigin);
  if (facts.isPlatformAdmin) origins.push(PLATFORM_ORIGIN);
  const isLive = kind === 'read' ? facts.tenantStatus !== 'suspended' : facts.tenantStatus === 'active';
  const byRole = origins.some(({ assignmentId }) => assignmentId !== null) && isLive;
  // The override reads everywhere, and writes where the tenant's own people may.
  const byOverride = facts.isPlatformAdmin && (kind === 'read' || isLive);
  const drift = granted !== (facts.isActive && (byRole || byOverride));
  return { permission: id, group, description, granted, drift, origins: facts.isActive ? origins : [] };
}

const PLATFORM_ORIGIN: Origin = {
  roleId: PLATFORM_ROLE_ID,
  roleName: PLATFORM_ROLE_ID,
  assignmentId: null,
  validFrom: null,
  expiresAt: null,
};

function toOrigin({ roleId, roleName, assignmentId, validFrom, expiresAt }: OriginRow): Origin {
  return {
    roleId,
    roleName,
    assignmentId,
    validFrom: validFrom?.toISOString() ?? null,
    expiresAt: expiresAt?.toISOString() ?? null,
  };
}
