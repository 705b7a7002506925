/**
 * `Idempotency-Key`: a repeated request has one effect, and is answered as the first one was.
 *
 * Operations that declare it in the contract take it. The key belongs to the tenant, the caller and the operation, and is
 * remembered for a day. Only what had an effect is kept; a refused request may be sent again, corrected or not.
 * INVARIANT: whatever is killed when, a key never has two effects: the effect is marked in the transaction that makes it.
 * tests/integration/idempotency.test.ts.
 */
import { createHash } from 'node:crypto';
import type { Logger } from 'pino';

import { claimKey, keepAnswer, releaseClaim } from '../audit/claim-store.js';
import type { Claim, ClaimKey } from '../audit/claim-store.js';
import type { Pool, Tx } from '../platform/postgres.js';
import type { Caller } from '../shared/caller.js';
import { Problem } from '../shared/problem.js';
import { invalidRequest } from './problems.js';

export interface Answer {
  readonly status: number;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent piece by piece instead of a body. */
  readonly stream?: AsyncIterable<string>;
}

export interface KeyedRequest {
  readonly key: string;
  readonly caller: Caller;
  readonly operationId: string;
  readonly path: string;
  readonly body: unknown;
  /** Whether the answer holds a secret, which is not kept. */
  readonly isSecret: boolean;
}

/**
 * Carries out `run` unless the key has had its effect, and resolves to the answer, now or then. Throws what `run` throws,
 * and Problem IDEMPOTENCY_KEY_REUSED, IDEMPOTENCY_IN_PROGRESS or IDEMPOTENCY_KEY_SPENT.
 */
export type OncePerKey = (request: KeyedRequest, run: (claimId: string) => Promise<Answer>) => Promise<Answer>;

const KEY_PATTERN = /^[!-~]{1,255}$/;

export function createOncePerKey(pool: Pool, log: Logger): OncePerKey {
  return async (request, run) => {
    const claim = toClaim(request);
    const within = <T>(work: (tx: Tx) => Promise<T>): Promise<T> =>
      pool.transaction(work, { settings: { 'bailiwick.tenant_id': claim.tenantId } });
    const found = await within((tx) => claimKey(tx, claim));
    if (!found.isOurs) return replay(found);
    const undo = (): Promise<void> =>
      within((tx) => releaseClaim(tx, found.id)).catch((error: unknown) => {
        log.warn({ err: error }, 'an idempotency key was not given back; it is free again in a minute');
      });
    const answer = await run(found.id).catch(async (error: unknown) => {
      await undo();
      throw error;
    });
    const kept = { status: answer.status, body: answer.body, isSecret: request.isSecret };
    await within((tx) => keepAnswer(tx, found.id, kept)).catch((error: unknown) => {
      log.warn({ err: error }, 'the answer to an idempotency key was not kept');
    });
    return answer;
  };
}

function toClaim({ key, caller, operationId, path, body }: KeyedRequest): ClaimKey {
  if (!KEY_PATTERN.test(key)) {
    throw invalidRequest([{ field: 'idempotency-key', message: 'must be 1 to 255 printable characters' }]);
  }
  return {
    tenantId: caller.tenantId ?? 'platform',
    callerId: caller.kind === 'user' ? caller.actorUserId : caller.serviceKeyId,
    operationId,
    key,
    fingerprint: createHash('sha256')
      .update(`${path}\n${body === undefined ? '' : JSON.stringify(body)}`)
      .digest(),
  };
}

function replay({ isSameRequest, hasEffect, isAbandoned, status, isKept, answer }: Claim): Answer {
  if (!isSameRequest) {
    throw new Problem('IDEMPOTENCY_KEY_REUSED', 'the `idempotency-key` belongs to another request');
  }
  if (status !== null && isKept) {
    return { status, body: answer ?? undefined, headers: { 'idempotent-replayed': 'true' } };
  }
  // An effect without an answer, so soon, is that of a request which is about to answer.
  if (hasEffect && (status !== null || isAbandoned)) {
    throw new Problem('IDEMPOTENCY_KEY_SPENT', 'the request has had its effect, and its answer is not kept');
  }
  throw new Problem('IDEMPOTENCY_IN_PROGRESS', 'the first request with this key is still under way', {
    retryAfterSeconds: 1,
  });
}
