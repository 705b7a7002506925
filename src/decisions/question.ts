/**
 * From what a caller asks to what the engine is asked; pure.
 *
 * Outsiders name a user, a tenant, a permission and perhaps an object, whose name never holds a tenant: the tenant is
 * added here, so nobody can even name an object of another one. What does not exist is no fault of a question (the
 * engine says no, and no answer tells what exists); what could not exist is a Problem that names the field.
 */
import { catalogue, type Permission } from '../contract/model.js';
import { engineName, isId, PLATFORM_OBJECT } from '../shared/ids.js';
import { Problem, type FieldFault } from '../shared/problem.js';
import { keyOf, type TupleKey } from '../shared/tuple.js';

export type ObjectType = 'tenant' | 'profile' | 'record';
export type ListedType = Exclude<ObjectType, 'tenant'>;

/** May this user do this? */
export interface Question {
  readonly userId: string;
  readonly tenantId: string;
  /** `platform` stands for being a platform admin, which is no permission of a tenant. */
  readonly permission: Permission | 'platform';
  /** As outsiders name it: `tenant:<id>`, `profile:<user id>` or `record:<id>`. */
  readonly object: string;
  /** As the engine is asked. */
  readonly tuple: TupleKey;
  /** The same as one text, for maps. */
  readonly key: string;
  /** Whether the engine itself must be asked, and no answer from before given again (`consistency: full`). */
  readonly fresh: boolean;
}

/** Which objects may this user do this to? */
export interface ListQuestion {
  readonly userId: string;
  readonly tenantId: string;
  readonly permission: Permission;
  readonly type: ListedType;
  readonly fresh: boolean;
}

/** Which users may do this? */
export interface UsersQuestion {
  readonly tenantId: string;
  readonly permission: Permission;
  /** As outsiders name it. */
  readonly object: string;
  readonly type: ObjectType;
  /** The id inside the object's name. */
  readonly objectId: string;
  readonly fresh: boolean;
}

/** What may this user do to this? */
export interface PermissionsQuestion extends Pick<UsersQuestion, 'object' | 'type' | 'objectId' | 'fresh'> {
  readonly userId: string;
  readonly tenantId: string;
  /** Every permission that there is on such an object, in the order of the model. */
  readonly permissions: readonly Permission[];
}

interface Asked {
  readonly user: string;
  readonly permission: string;
  readonly tenant: string;
  readonly consistency?: 'full';
}

const typeByPermission: ReadonlyMap<string, { id: Permission; objectType: ObjectType }> = new Map(
  catalogue.map((entry) => [entry.id, entry]),
);

/** The question of a check. Throws Problem INVALID_REQUEST, which names every field at fault. */
export function toQuestion(asked: Asked & { readonly object?: string }): Question {
  const { tenantId, permission, object, type, objectId, fresh } = judgeWithObject(asked);
  const tuple = {
    user: engineName.user(asked.user),
    relation: permission,
    object: engineObject({ type, id: objectId, tenantId }),
  };
  return { userId: asked.user, tenantId, permission, object, tuple, key: keyOf(tuple), fresh };
}

/** The question of a list of users. Throws Problem INVALID_REQUEST, which names every field at fault. */
export function toUsersQuestion(asked: Omit<Asked, 'user'> & { readonly object?: string }): UsersQuestion {
  return judgeWithObject(asked);
}

/** The question of a list of permissions. Throws Problem INVALID_REQUEST, which names every field at fault. */
export function toPermissionsQuestion(
  asked: Omit<Asked, 'permission'> & { readonly object?: string },
): PermissionsQuestion {
  const [first = ''] = asked.object?.split(':', 1) ?? [];
  const type = first === 'profile' || first === 'record' ? first : 'tenant';
  const permissions = catalogue.filter(({ objectType }) => objectType === type).map(({ id }) => id);
  const judged = judgeWithObject({ ...asked, permission: permissions[0] ?? '' });
  return { ...judged, userId: asked.user, permissions };
}

function judgeWithObject(asked: Omit<Asked, 'user'> & { user?: string; object?: string }): UsersQuestion {
  const { known, faults } = judge(asked);
  const object = known === undefined ? undefined : objectOf(asked, known.objectType);
  if (object?.fault !== undefined) faults.push({ field: 'object', message: object.fault });
  if (known === undefined || object?.fault !== undefined || object === undefined || faults.length > 0) {
    throw invalid(faults);
  }
  return {
    tenantId: asked.tenant,
    permission: known.id,
    object: `${known.objectType}:${object.id}`,
    type: known.objectType,
    objectId: object.id,
    fresh: asked.consistency === 'full',
  };
}

/** Is this user a platform admin? For our own operations alone; nobody else can ask it. */
export function platformQuestion(userId: string): Question {
  const tuple = { user: engineName.user(userId), relation: 'super_admin', object: PLATFORM_OBJECT };
  const key = keyOf(tuple);
  return { userId, tenantId: 'platform', permission: 'platform', object: PLATFORM_OBJECT, tuple, key, fresh: false };
}

/** The question of a list. Throws Problem INVALID_REQUEST, which names every field at fault. */
export function toListQuestion(asked: Asked & { readonly type: ListedType }): ListQuestion {
  const { known, faults } = judge(asked);
  if (known !== undefined && known.objectType !== asked.type) {
    faults.push({ field: 'type', message: `\`${known.id}\` is asked about a ${known.objectType}` });
  }
  if (known === undefined || faults.length > 0) throw invalid(faults);
  const fresh = asked.consistency === 'full';
  return { userId: asked.user, tenantId: asked.tenant, permission: known.id, type: asked.type, fresh };
}

/** The same question about one object of the list, or about the tenant as a whole. */
export function questionAbout(
  { userId, tenantId }: Pick<ListQuestion, 'userId' | 'tenantId'>,
  { permission, type, id }: { permission: Permission; type: ObjectType; id: string },
): TupleKey {
  return {
    user: engineName.user(userId),
    relation: permission,
    object: engineObject({ type, id, tenantId }),
  };
}

/** Whether it is a permission that may be asked for. */
export function isPermission(name: string): boolean {
  return typeByPermission.has(name);
}

function judge({ user, permission, tenant }: Omit<Asked, 'user'> & { user?: string }): {
  known: { id: Permission; objectType: ObjectType } | undefined;
  faults: FieldFault[];
} {
  const faults: FieldFault[] = [];
  if (user !== undefined && !isId(user)) faults.push({ field: 'user', message: 'is not an id' });
  const known = typeByPermission.get(permission);
  if (known === undefined) faults.push({ field: 'permission', message: 'is not a permission of the model' });
  if (!isId(tenant)) faults.push({ field: 'tenant', message: 'is not an id' });
  return { known, faults };
}

type Named = { readonly id: string; readonly fault?: undefined } | { readonly fault: string };

function objectOf({ object, tenant }: { object?: string; tenant: string }, type: ObjectType): Named {
  if (type === 'tenant') {
    return object === undefined ? { id: tenant } : { fault: 'must be left out: the permission is about the tenant' };
  }
  if (object === undefined) return { fault: `is missing: the permission is about a ${type}` };
  const id = object.startsWith(`${type}:`) ? object.slice(type.length + 1) : undefined;
  return isId(id) ? { id } : { fault: `must be \`${type}:<id>\`` };
}

function engineObject({ type, id, tenantId }: { type: ObjectType; id: string; tenantId: string }): string {
  switch (type) {
    case 'tenant':
      return engineName.tenant(id);
    case 'profile':
      return engineName.profile(tenantId, id);
    case 'record':
      return engineName.record(tenantId, id);
  }
}

function invalid(errors: readonly FieldFault[]): Problem {
  const fields = errors.map(({ field, message }) => `\`${field}\` ${message}`).join('; ');
  return new Problem('INVALID_REQUEST', fields, { errors });
}
