/**
 * Whether a role would help, by what it grants: a role that nobody has made stands in for whichever is meant.
 *
 * The model has no negation, so a larger role never helps less. What each permission does alone, and what those do
 * together that do nothing alone, therefore answers for every role: any number of roles costs no more than that.
 */
import { catalogue } from '../contract/model.js';
import type { Evaluator } from './evaluate.js';
import { type Facts, tuplesOf, withRole } from './facts.js';
import type { Pace } from './pace.js';
import type { Question } from './question.js';

export type Asked = Pick<Question, 'userId' | 'permission' | 'object' | 'tuple'>;

export interface RoleHelp {
  /** Whether a role with these permissions would. */
  helps(permissions: readonly string[]): boolean;
  /** The permissions each of which would, in the order of the model. */
  readonly permissions: readonly string[];
}

const ofTenant = catalogue.flatMap(({ id, objectType }) => (objectType === 'tenant' ? [id] : []));

/** Tries on top of the facts, which say no. Rejects as `pace` does. */
export async function createRoleHelp(trial: {
  facts: Facts;
  evaluator: Evaluator;
  asked: Asked;
  pace: Pace;
}): Promise<RoleHelp> {
  const { facts, evaluator, pace } = trial;
  const { userId, tuple } = trial.asked;
  const role = { roleId: freeRoleId(facts), roleName: '_', isSystem: false };
  // Only the role and its holder: all else stands already.
  const person = { userId, status: 'active', isMember: false, isPlatformAdmin: false };
  const alone = { ...facts, tenant: null, people: [person], roles: [], assignments: [], edges: [], records: [] };
  const tried = (permissions: readonly string[]): boolean =>
    evaluator.holdsWith(tuple, tuplesOf(withRole(alone, userId, { ...role, permissions })));
  if (tried([])) return { helps: () => true, permissions: ofTenant };
  if (!tried(ofTenant)) return { helps: () => false, permissions: [] };
  const useful = new Set<string>();
  for (const id of ofTenant) {
    await pace();
    if (tried([id])) useful.add(id);
  }
  const areSeveralNeeded = tried(ofTenant.filter((id) => !useful.has(id)));
  return {
    helps: (permissions) => permissions.some((id) => useful.has(id)) || (areSeveralNeeded && tried(permissions)),
    permissions: [...useful],
  };
}

/** An id that none of the facts' roles has. */
function freeRoleId({ roles }: Facts): string {
  const taken = new Set(roles.map(({ roleId }) => roleId));
  let roleId = '_';
  while (taken.has(roleId)) roleId += '_';
  return roleId;
}
