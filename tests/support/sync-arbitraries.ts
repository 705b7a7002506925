/** Keys, rows and entries for the property tests of projection and planning. */
import fc from 'fast-check';

import type { Entry, Rank } from '../../src/sync/outbox-store.js';
import { KEY_KINDS } from '../../src/sync/projection.js';
import type { Key, KeyedRows, KeyKind, RowsOf } from '../../src/sync/projection.js';

/** Few ids, used for everything, so that near misses are frequent. */
const id = fc.constantFrom('a', 'b', 'a.b', 'b_a');
const permission = fc.constantFrom('claims.read', 'claims.write', 'users.read');
const moment = fc.constantFrom(null, '2026-01-01T00:00:00.000000Z', '2027-01-01T00:00:00.000000Z');
const userStatus = fc.constantFrom('active', 'disabled');

const HAS_B: ReadonlySet<KeyKind> = new Set(['role_permission', 'user_role', 'user_assignment']);

export const anyKey: fc.Arbitrary<Key> = fc
  .record({ kind: fc.constantFrom(...KEY_KINDS), tenantId: id, a: id, b: id, permission })
  .map(({ kind, tenantId, a, b, permission: granted }) => ({
    kind,
    tenantId: kind === 'platform_admin' ? '' : tenantId,
    a: kind === 'tenant' ? '' : a,
    b: kind === 'role_permission' ? granted : HAS_B.has(kind) ? b : '',
  }));

const ROWS: { [K in KeyKind]: fc.Arbitrary<RowsOf[K]> } = {
  tenant: fc.option(
    fc.record({ status: fc.constantFrom('active' as const, 'read_only' as const, 'suspended' as const) }),
  ),
  platform_admin: fc.option(fc.record({ userStatus })),
  role: fc.option(fc.constant({ exists: true as const })),
  role_permission: fc.option(fc.constant({ exists: true as const })),
  user_role: fc.option(
    fc.record({
      userStatus,
      assignments: fc.array(
        fc.record({
          global: fc.boolean(),
          slot: fc.constantFrom('a' as const, 'b' as const),
          validFrom: moment,
          expiresAt: moment,
          revoked: fc.boolean(),
        }),
        { maxLength: 4 },
      ),
    }),
  ),
  user_assignment: fc.option(fc.record({ validFrom: moment, expiresAt: moment })),
  profile: fc.option(fc.record({ userStatus })),
  record: fc.option(fc.record({ ownerUserId: id })),
};

/** A key with any rows that it may have. */
export const keyedRows: fc.Arbitrary<KeyedRows> = anyKey.chain((key) =>
  // The kind picks the arbitrary, so the two fit; the compiler cannot follow that.
  ROWS[key.kind].map((rows) => ({ kind: key.kind, key, rows }) as KeyedRows),
);

/** Entries in the order of their ids. Few transactions and keys, so that they hang together. */
export const anyEntries: fc.Arbitrary<Entry[]> = fc
  .array(
    fc.record({
      key: anyKey,
      xid: fc.integer({ min: 1, max: 8 }),
      rank: fc.constantFrom<Rank>(0, 0, 1, 2),
      held: fc.boolean(),
      prior: fc.constantFrom(null, {}),
    }),
    { maxLength: 30 },
  )
  .map((drafts) =>
    drafts.map(({ key, xid, ...rest }, at) => ({ id: String(at + 1), xid: String(xid), ...key, ...rest })),
  );
