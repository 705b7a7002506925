/**
 * Puts everything that answers questions together: the operations of the contract, and our own authorization, over one
 * checker, one gate and one journal.
 */
import type { Pool } from '../platform/postgres.js';
import type { Authorize } from '../shared/operation.js';
import type { SyncGate } from '../shared/sync-gate.js';
import type { TupleStore } from '../shared/tuple.js';
import { createAdmission } from './admission.js';
import { createAuthorizer, createOwnProfileAuthorizer } from './authorize.js';
import { createBatchChecker } from './batch-check.js';
import type { DecisionCache } from './cache.js';
import type { Checker } from './check.js';
import { createExplain } from './explain.js';
import type { Journal } from './journal.js';
import { createLister } from './list-objects.js';
import { createPermissionLister } from './list-permissions.js';
import { createUserLister } from './list-users.js';
import { decisionOperations } from './operations.js';
import type { AskRows } from './rows.js';
import { reasonOperations } from './reason-operations.js';
import { createWhatIf } from './what-if.js';

export interface DecisionsOptions {
  /** Of role `bailiwick_service`. */
  readonly pool: Pool;
  readonly tuples: TupleStore;
  readonly gate: SyncGate;
  readonly journal: Journal;
  readonly checker: Checker;
  /** Left out: nothing is kept. */
  readonly cache?: DecisionCache;
  readonly engineTimeoutMs: number;
  /** Left out: what the engine cannot answer is not answered. */
  readonly askRows?: AskRows;
  readonly now: () => Date;
}

export interface Decisions {
  readonly operations: ReturnType<typeof decisionOperations> & ReturnType<typeof reasonOperations>;
  readonly authorize: Authorize;
  readonly authorizeOwn: ReturnType<typeof createOwnProfileAuthorizer>;
}

export function createDecisions(options: DecisionsOptions): Decisions {
  const { checker, gate, pool, now } = options;
  const admission = createAdmission(options);
  const explain = createExplain(pool);
  const asked = decisionOperations({
    admission,
    checker,
    explain,
    gate,
    batchChecker: createBatchChecker({ ...options, admission }),
    lister: createLister(options),
    userLister: createUserLister(options),
    permissionLister: createPermissionLister(options),
  });
  const reasoned = reasonOperations({ admission, checker, explain, whatIf: createWhatIf(pool), now });
  return {
    operations: { ...asked, ...reasoned },
    authorize: createAuthorizer({ checker, pool }),
    authorizeOwn: createOwnProfileAuthorizer({ checker, pool }),
  };
}
