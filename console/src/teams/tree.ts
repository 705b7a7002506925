/** Who is below whom, from the pairs that say so. A manager of nobody's is at the top; whoever has two managers is below both. */
import type { TeamAssignment } from '../../../src/contract/api.js';

export interface TeamNode {
  readonly userId: string;
  /** How they come to be here; undefined at the top. */
  readonly assignment: TeamAssignment | undefined;
  readonly below: readonly TeamNode[];
}

/** Chains are bounded by the service, and without cycles; a page of them may not be whole, so both are minded here too. */
const DEPTH_MAX = 25;

export function treeOf(assignments: readonly TeamAssignment[]): TeamNode[] {
  const byManager = new Map<string, TeamAssignment[]>();
  for (const one of assignments) byManager.set(one.managerId, [...(byManager.get(one.managerId) ?? []), one]);
  const managed = new Set(assignments.map(({ userId }) => userId));
  const below = (managerId: string, depth: number): TeamNode[] =>
    depth > DEPTH_MAX
      ? []
      : (byManager.get(managerId) ?? []).map((assignment) => ({
          userId: assignment.userId,
          assignment,
          below: below(assignment.userId, depth + 1),
        }));
  const top = [...byManager.keys()].filter((managerId) => !managed.has(managerId));
  return top.map((userId) => ({ userId, assignment: undefined, below: below(userId, 1) }));
}
