/**
 * Proofs in words of roles: from tuples back to the rows that they were made of.
 *
 * A path reads from the assignment to the scope: who holds which role until when, what it grants, in which tenant, over
 * whom. Tuples that only say where an object belongs are left out.
 */
import type { Path, PathStep } from '../contract/api.js';
import type { Tuple } from '../shared/tuple.js';
import type { Proof } from './proofs.js';
import { assignmentBehind, type Facts, type ManagerEdge } from './facts.js';

/** What projection writes for an end that is open. */
const OPEN_END = '9999-12-31T23:59:59.999999Z';

/** The path that the proof is. */
export function pathOf(proof: Proof, facts: Facts): Path {
  const isManaged = proof.some(({ relation }) => relation === 'manager');
  const steps = [...proof]
    .reverse()
    .flatMap((tuple) => stepOf(tuple, facts) ?? [])
    // Above oneself stands oneself: that goes without saying.
    .filter(({ kind }) => kind !== 'self' || !isManaged)
    .sort((a, b) => ORDER.indexOf(a.kind) - ORDER.indexOf(b.kind));
  const ends = proof.flatMap(({ condition }) => condition?.expiresAt ?? []).filter((end) => end !== OPEN_END);
  return {
    via: viaOf(steps),
    until: ends.sort()[0] ?? null,
    steps: steps.slice(0, 100),
    summary: steps
      .map((step) => sayStep(step))
      .join(', ')
      .slice(0, 8_000),
  };
}

/** Within one kind the order is the proof's, from the subject to the object. */
const ORDER: readonly PathStep['kind'][] = [
  'platform_admin',
  'assignment',
  'membership',
  'grant',
  'scope',
  'self',
  'manages',
  'owner',
];

function viaOf(steps: readonly PathStep[]): Path['via'] {
  const kinds = new Set(steps.map(({ kind }) => kind));
  if (kinds.has('platform_admin')) return 'platform_admin';
  if (kinds.has('manages')) return 'team';
  return kinds.has('self') ? 'self' : 'role';
}

function stepOf(tuple: Tuple, facts: Facts): PathStep | undefined {
  const { user, relation, object } = tuple;
  switch (relation) {
    case 'a':
    case 'b':
      return assignmentStep(tuple, facts);
    case 'member':
      return { kind: 'membership', ...roleNamed(user, facts) };
    case 'readable':
    case 'writable':
      return { kind: 'scope', ...(facts.tenant === null ? {} : { tenantStatus: facts.tenant.status }) };
    case 'super_admin':
      return { kind: 'platform_admin', userId: idOf(user) };
    case 'subject':
      return { kind: 'self', userId: idOf(user) };
    case 'manager':
      return managesStep({ managerId: idOf(user), userId: idOf(object) }, facts.edges);
    case 'owner':
      return { kind: 'owner', userId: idOf(user), object: `record:${idOf(object)}` };
    case 'platform':
    case 'tenant':
      return undefined;
    default:
      return { kind: 'grant', ...roleNamed(user, facts), permission: relation.replace(/^grant\./, '') };
  }
}

function assignmentStep(tuple: Tuple, facts: Facts): PathStep {
  const found = assignmentBehind(facts, tuple);
  if (found === undefined) return { kind: 'assignment', userId: idOf(tuple.user) };
  const { assignment, role } = found;
  const { assignmentId, userId, validFrom, expiresAt } = assignment;
  return {
    kind: 'assignment',
    userId,
    assignmentId,
    isGlobal: assignment.roleId === null,
    roleId: role.roleId,
    roleName: role.roleName,
    ...windowOf({ validFrom, expiresAt }),
  };
}

function managesStep(pair: { managerId: string; userId: string }, edges: readonly ManagerEdge[]): PathStep {
  const edge = edges.find(({ managerId, userId }) => managerId === pair.managerId && userId === pair.userId);
  return { kind: 'manages', ...pair, ...(edge === undefined ? {} : windowOf(edge)) };
}

function roleNamed(user: string, { roles }: Facts): { roleId: string; roleName?: string } {
  const roleId = idOf(user);
  const role = roles.find((candidate) => candidate.roleId === roleId);
  return { roleId, ...(role === undefined ? {} : { roleName: role.roleName }) };
}

function windowOf({ validFrom, expiresAt }: { validFrom: string | null; expiresAt: string | null }): {
  validFrom?: string;
  expiresAt?: string;
} {
  return { ...(validFrom === null ? {} : { validFrom }), ...(expiresAt === null ? {} : { expiresAt }) };
}

/** `role:<tenant>/<role>#assignee` → `<role>`; `user:<id>` → `<id>`. */
function idOf(name: string): string {
  const [object = ''] = name.split('#');
  return object.slice(Math.max(object.indexOf('/'), object.indexOf(':')) + 1);
}

function sayStep(step: PathStep): string {
  const role = `\`${step.roleName ?? step.roleId ?? ''}\``;
  const until = step.expiresAt === undefined ? '' : ` until ${step.expiresAt}`;
  switch (step.kind) {
    case 'platform_admin':
      return `\`${step.userId ?? ''}\` is a platform admin`;
    case 'assignment':
      return `\`${step.userId ?? ''}\` has the role ${role}${step.isGlobal === true ? ' in every tenant' : ''}${until}`;
    case 'membership':
      return `${role} makes a member of the tenant`;
    case 'grant':
      return `${role} grants \`${step.permission ?? ''}\``;
    case 'scope':
      return `the tenant is ${(step.tenantStatus ?? 'active').replace('_', '-')}`;
    case 'self':
      return 'it is their own profile';
    case 'manages':
      return `\`${step.managerId ?? ''}\` manages \`${step.userId ?? ''}\`${until}`;
    case 'owner':
      return `\`${step.userId ?? ''}\` owns \`${step.object ?? ''}\``;
  }
}
