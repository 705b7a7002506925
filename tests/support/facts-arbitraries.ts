/** Facts of one tenant for property tests: few people, so that they are above and below each other in many ways. */
import fc from 'fast-check';

import type { Facts, Role, RoleAssignment, TenantStatus } from '../../src/decisions/facts.js';

const PEOPLE = ['boss', 'rep', 'x', 'y', 'z'];
const userId = fc.constantFrom(...PEOPLE);
/** Mostly what lets the question get somewhere: of what is in the way of everything little is learned. */
const mostly = <T>(usual: T, ...others: readonly T[]): fc.Arbitrary<T> =>
  fc.oneof({ weight: 4, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: fc.constantFrom(...others) });
export const OPEN = { validFrom: null, expiresAt: null };
/** Windows that are not open in between. */
export const CLOSED = {
  expired: { validFrom: null, expiresAt: '2026-01-01T00:00:00.000000Z' },
  early: { validFrom: '2027-01-01T00:00:00.000000Z', expiresAt: null },
};
const window = fc.constantFrom(OPEN, CLOSED.expired, CLOSED.early);

/** Roles of the sales preset's kind: what counts for a profile or a record, and what does not. */
export const permissionSet = fc.subarray(['team.read', 'users.read', 'records.read', 'claims.read'] as const);

const role: fc.Arbitrary<Role> = fc
  .record({
    roleId: fc.constantFrom('r', 's', '_'),
    isSystem: fc.boolean(),
    permissions: fc.oneof(fc.constant(['team.read']), fc.constant(['team.read']), permissionSet),
  })
  .map((drawn) => ({ ...drawn, roleName: drawn.roleId.toUpperCase() }));

const assignment: fc.Arbitrary<RoleAssignment> = fc
  .record({
    userId: mostly('boss', ...PEOPLE),
    role: fc.constantFrom('r', 's', '_'),
    isGlobal: mostly(false, true),
    window: fc.oneof(fc.constant(OPEN), window),
    revokedAt: mostly(null, '2026-01-01T00:00:00.000000Z'),
  })
  .map(({ role: id, isGlobal, window: { validFrom, expiresAt }, ...drawn }) => ({
    ...drawn,
    assignmentId: id,
    roleId: isGlobal ? null : id,
    roleName: isGlobal ? id.toUpperCase() : null,
    slot: 'a',
    validFrom,
    expiresAt,
  }));

/** Facts about whomever: people who are there or not, roles, managers, and the record `deal`. */
export const anyFacts: fc.Arbitrary<Facts> = fc.record({
  tenantId: fc.constant('t'),
  tenant: fc.record({
    status: mostly<TenantStatus>('active', 'read_only', 'suspended'),
    preset: fc.constant('sales' as const),
  }),
  people: fc
    .tuple(
      ...PEOPLE.map((id) =>
        fc.record({
          userId: fc.constant(id),
          status: mostly('active', 'disabled'),
          isMember: mostly(true, false),
          isPlatformAdmin: fc.nat(20).map((drawn) => drawn === 0),
        }),
      ),
    )
    .chain((all) => fc.subarray(all, { minLength: 3 })),
  roles: fc.uniqueArray(role, { minLength: 2, maxLength: 3, selector: ({ roleId }) => roleId }),
  assignments: fc.uniqueArray(assignment, {
    minLength: 1,
    maxLength: 6,
    selector: (one) => `${one.userId} ${one.roleId ?? ''} ${one.roleName ?? ''}`,
  }),
  edges: fc.uniqueArray(
    fc.record({ managerId: userId, userId, window }).map(({ window: own, ...pair }) => ({ ...pair, ...own })),
    { maxLength: 12, selector: (edge) => `${edge.managerId} ${edge.userId}` },
  ),
  records: fc.option(userId.map((ownerUserId) => ({ recordId: 'deal', ownerUserId }))).map((one) => (one ? [one] : [])),
  complete: fc.constant(true),
});
