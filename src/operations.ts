/**
 * Who carries out which operation of the contract: the capabilities, put together over what they are made of.
 *
 * The type of `Operations` makes an operation that nobody carries out a compile error. A new capability is one line here.
 */
import type { Logger } from 'pino';

import { createChange, createShow } from './audit/change.js';
import type { DecisionLog } from './audit/decision-log.js';
import { auditOperations } from './audit/operations.js';
import type { Config } from './config.js';
import { createDecisionCache } from './decisions/cache.js';
import { createChecker } from './decisions/check.js';
import { createDecisions } from './decisions/decisions.js';
import { createInstantCheck, type ReadPlainCheck } from './decisions/instant.js';
import { createJournal } from './decisions/journal.js';
import { createAskRows } from './decisions/rows.js';
import { createShadow } from './decisions/shadow.js';
import { profileOperations } from './directory/profile-operations.js';
import { recordOperations } from './directory/record-operations.js';
import { teamOperations } from './directory/team-operations.js';
import { tenantOperations } from './directory/tenant-operations.js';
import { userOperations } from './directory/user-operations.js';
import { contractOperations } from './http/contract-operations.js';
import type { ContractDocument } from './http/contract.js';
import { impersonationOperations } from './impersonation/operations.js';
import { createEnqueueMail } from './mail/enqueue.js';
import { mailOperations } from './mail/operations.js';
import type { PostOffice } from './mail/post-office.js';
import type { EngineWatch } from './platform/engine-watch.js';
import type { Metrics } from './platform/metrics.js';
import type { Pool, Tx } from './platform/postgres.js';
import { rbacOperations } from './rbac/operations.js';
import { requestOperations } from './requests/operations.js';
import type { Authorize, Deadline, Operations } from './shared/operation.js';
import { Problem, PROBLEMS } from './shared/problem.js';
import type { SyncGate } from './shared/sync-gate.js';
import type { TupleStore } from './shared/tuple.js';
import { noSignIn } from './signin/operations.js';
import type { SigningIn } from './signin/signing-in.js';
import type { SessionFor } from './signin/tokens.js';
import type { ModelPart } from './sync/model.js';
import { syncStateOperations } from './sync/state-operations.js';

/** What the operations are made of. */
export interface OperationsBase {
  readonly config: Config;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly now: () => Date;
  /** Of role `bailiwick_service`. */
  readonly pool: Pool;
  /** Of role `bailiwick_sync`. */
  readonly syncPool: Pool;
  readonly tuples: TupleStore;
  readonly engineWatch: EngineWatch;
  readonly model: ModelPart;
  readonly gate: SyncGate;
  readonly decisionLog: DecisionLog;
  readonly office: PostOffice;
  /** Undefined: no token is issued here. */
  readonly signingIn: SigningIn | undefined;
  /** Says to the projector that something was committed just now. */
  readonly wake: () => void;
}

/** Every operation of the document, who may call it, and the checks that may take no wait. */
export function carriedOut(
  document: ContractDocument,
  base: OperationsBase,
): { operations: Operations; authorize: Authorize; readPlainCheck: ReadPlainCheck } {
  const { config, metrics, pool, tuples, gate, now } = base;
  const engineTimeoutMs = config.engine.timeoutMs;
  const journal = createJournal({ ...base, modelId: () => base.model.modelId() });
  const cache = createDecisionCache({
    ...{ gate, metrics, now, entries: config.decisionCacheEntries },
    isEngineUp: base.engineWatch.isUp,
  });
  const askRows = createAskRows(pool);
  const shadow = createShadow({ ...base, askRows });
  const isDegraded = config.degraded === 'sql';
  const degraded = isDegraded ? { askRows } : {};
  const checker = createChecker({ tuples, gate, journal, cache, engineTimeoutMs, shadow, askRows, isDegraded });
  const asking = { pool, tuples, gate, journal, checker, cache, engineTimeoutMs, now, ...degraded };
  const decisions = createDecisions(asking);
  const show = createShow(pool);
  const change = createChange({ pool, settle: (token, deadline) => settle(base, token, deadline) });
  const people = peopleOptions(base);
  return {
    operations: {
      ...contractOperations(document),
      ...decisions.operations,
      ...rbacOperations({ change, show, tuples, gate, now }),
      ...tenantOperations({ change, pool }),
      ...userOperations({ change, show, ...people }),
      ...profileOperations({ change, show, authorizeOwn: decisions.authorizeOwn }),
      ...teamOperations({ change, show, now }),
      ...recordOperations({ change, show, now, authorize: decisions.authorize }),
      ...requestOperations({ change, show, now, metrics }),
      ...impersonationOperations({ change, ...people }),
      ...auditOperations({ show, syncPool: base.syncPool }),
      ...syncStateOperations({ pool: base.syncPool }),
      ...mailOperations({ pool, office: base.office }),
      ...(base.signingIn?.operations ?? noSignIn()),
    },
    authorize: decisions.authorize,
    readPlainCheck: createInstantCheck({ cache, gate, journal }),
  };
}

/** What administrators do about passwords and tokens; without sign-in there are none. */
function peopleOptions({ config, signingIn, office, metrics, now }: OperationsBase) {
  const { issuer = '', domain } = config.signIn ?? {};
  const signInUrlOf = (slug: string): string => {
    if (domain === undefined) return issuer;
    const url = new URL(issuer);
    url.hostname = `${slug}.${domain}`;
    return url.origin;
  };
  const always = { enqueueMail: createEnqueueMail(office), signInUrlOf, metrics, now };
  if (signingIn === undefined) return always;
  const { passwords, tokens } = signingIn;
  return {
    ...always,
    setOneTimePassword: (tx: Tx, userId: string) => passwords.setOneTimePassword(tx, userId),
    revokeSessions: (tx: Tx, userId: string) => passwords.revokeSessions(tx, userId),
    unlock: (tx: Tx, userId: string) => passwords.unlock(tx, userId),
    issueToken: (tx: Tx, wanted: SessionFor) => tokens.issueToken(tx, wanted),
  };
}

/** A change that is committed is not undone by a projector that lags: the answer says that it is not in force yet. */
async function settle({ wake, gate }: OperationsBase, syncToken: string, deadline: Deadline): Promise<boolean> {
  wake();
  try {
    await gate.awaitToken(syncToken, deadline);
    return true;
  } catch (error) {
    if (error instanceof Problem && PROBLEMS[error.code].status === 503) return false;
    throw error;
  }
}
