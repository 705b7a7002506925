/**
 * SQL for `audit.idempotency_claim`.
 *
 * A claim is committed before its operation begins, so that a second request with the key finds it; `markEffect` runs in
 * the transaction of the change. A claim without effect whose request must be long over is taken by whoever comes next.
 */
import type { Tx } from '../platform/postgres.js';
import { Problem } from '../shared/problem.js';

export interface ClaimKey {
  readonly tenantId: string;
  readonly callerId: string;
  readonly operationId: string;
  readonly key: string;
  readonly fingerprint: Uint8Array;
}

export interface Claim {
  readonly id: string;
  /** Whether this request is to carry the operation out. */
  readonly isOurs: boolean;
  readonly isSameRequest: boolean;
  readonly hasEffect: boolean;
  /** Whether the request that had the key first must be over by now. */
  readonly isAbandoned: boolean;
  /** Null while the operation runs. */
  readonly status: number | null;
  /** False where the answer held a secret. */
  readonly isKept: boolean;
  readonly answer: unknown;
}

/** How long a key is remembered. */
const KEPT = `interval '24 hours'`;
/** No request lasts as long. */
const ABANDONED = `interval '60 seconds'`;

/** Claims the key, or finds who has it. */
export async function claimKey(tx: Tx, claim: ClaimKey): Promise<Claim> {
  const { tenantId, callerId, operationId, key, fingerprint } = claim;
  const taken = await tx.query<Claim>({
    name: 'claim-key',
    text: `
      insert into audit.idempotency_claim as c (tenant_id, caller_id, operation_id, key, fingerprint)
      values ($1::text, $2::text, $3::text, $4::text, $5::bytea)
      on conflict (tenant_id, caller_id, operation_id, key) do update
        set id = excluded.id, fingerprint = excluded.fingerprint, claimed_at = excluded.claimed_at, effected_at = null,
            status = null, answer = null
        where c.claimed_at < now() - ${KEPT}
           or c.effected_at is null and c.status is null and c.claimed_at < now() - ${ABANDONED}
      returning id, true as "isOurs", true as "isSameRequest", false as "hasEffect", false as "isAbandoned",
                null as status, false as "isKept", null as answer`,
    values: [tenantId, callerId, operationId, key, fingerprint],
  });
  const found = taken.rows[0] ?? (await findClaim(tx, claim));
  if (found === undefined) throw new Error('an idempotency claim vanished while it was read');
  return found;
}

async function findClaim(tx: Tx, claim: ClaimKey): Promise<Claim | undefined> {
  const { tenantId, callerId, operationId, key, fingerprint } = claim;
  const { rows } = await tx.query<Claim>({
    name: 'find-claim',
    text: `
      select id, false as "isOurs", fingerprint = $5::bytea as "isSameRequest", effected_at is not null as "hasEffect",
             claimed_at < now() - ${ABANDONED} as "isAbandoned", status, answer is not null as "isKept", answer
      from audit.idempotency_claim
      where tenant_id = $1::text and caller_id = $2::text and operation_id = $3::text and key = $4::text`,
    values: [tenantId, callerId, operationId, key, fingerprint],
  });
  return rows[0];
}

/**
 * Says, in the transaction of the change, that the key has its effect. Throws Problem IDEMPOTENCY_IN_PROGRESS where
 * another request has taken the claim meanwhile: this one, so late, must not have an effect of its own.
 */
export async function markEffect(tx: Tx, claimId: string): Promise<void> {
  const { rowCount } = await tx.query({
    name: 'mark-effect',
    text: `update audit.idempotency_claim set effected_at = now() where id = $1::text`,
    values: [claimId],
  });
  if (rowCount === 1) return;
  throw new Problem('IDEMPOTENCY_IN_PROGRESS', 'another request with this key has overtaken this one', {
    retryAfterSeconds: 1,
  });
}

/** Keeps the answer; of a secret one, that there was one. */
export async function keepAnswer(
  tx: Tx,
  claimId: string,
  answer: { readonly status: number; readonly body: unknown; readonly isSecret: boolean },
): Promise<void> {
  await tx.query({
    name: 'keep-answer',
    text: `
      update audit.idempotency_claim
      set effected_at = coalesce(effected_at, now()), status = $2::int, answer = $3::jsonb
      where id = $1::text`,
    values: [claimId, answer.status, answer.isSecret ? null : JSON.stringify(answer.body ?? null)],
  });
}

/** Gives the key back: the operation had no effect. */
export async function releaseClaim(tx: Tx, claimId: string): Promise<void> {
  await tx.query({
    name: 'release-claim',
    text: `delete from audit.idempotency_claim where id = $1::text and effected_at is null`,
    values: [claimId],
  });
}

/** Forgets up to `limit` keys that are no longer remembered, whoever's where it acts for the platform; resolves to how many. */
export async function forgetClaims(tx: Tx, limit: number): Promise<number> {
  const { rowCount } = await tx.query({
    name: 'forget-claims',
    text: `
      delete from audit.idempotency_claim where id = any (array(
        select id from audit.idempotency_claim where claimed_at < now() - ${KEPT}
        limit $1::int for update skip locked))`,
    values: [limit],
  });
  return rowCount;
}
