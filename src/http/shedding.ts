/**
 * Load shedding: what cannot be answered in time is refused at once, lists before batches before single checks.
 *
 * Two things say that there is too much: questions that wait for the engine, and an event loop that comes round late; of
 * a check about a tenant also the line that it would stand in. A late event loop must shed soon, or it never catches up:
 * callers who wait open more connections. It is then the fault of those who ask most, so a tenant about whom nothing is
 * under way may still ask. Only decisions are refused: an administrator who revokes under load must get through.
 * tests/contract/shedding.test.ts.
 */
import type { Counter, Metrics } from '../platform/metrics.js';
import { Problem } from '../shared/problem.js';
import type { ContractOperation } from './contract.js';

/** How busy the service is. */
export interface Load {
  /** Questions that wait for the engine. */
  readonly waiting: () => number;
  /** How late the event loop comes round (src/platform/loop-delay.ts), in milliseconds. */
  readonly lateMs: () => number;
  /** Whether a check about the tenant would have to wait for too long among others about it. */
  readonly isLineTooLong: (tenantId: string) => boolean;
  /** Whether anything about the tenant is under way at the engine, or waits for it. */
  readonly isUnderWay: (tenantId: string) => boolean;
}

/** Whether the operation is not to be begun, which is counted; a check's tenant is named where it is known by then. */
export type Shed = (operation: Pick<ContractOperation, 'id' | 'permission'>, tenantId?: string) => boolean;

/** The problem of what is shed. */
export function overloaded(): Problem {
  return new Problem('OVERLOADED', 'there is too much to do at the moment', { retryAfterSeconds: RETRY_AFTER_SECONDS });
}

/** When to come again. */
export const RETRY_AFTER_SECONDS = 1;

const LIMITS = {
  list: { waiting: 64, lateMs: 60 },
  batch: { waiting: 128, lateMs: 120 },
  check: { waiting: 512, lateMs: 200 },
} as const;

/** Whether single checks are refused: there is more than shedding the rest can help. */
export function isTooMuch({ waiting, lateMs }: Pick<Load, 'waiting' | 'lateMs'>): boolean {
  return waiting() > LIMITS.check.waiting || lateMs() > LIMITS.check.lateMs;
}

export function createShedder(load: Load, metrics: Metrics): Shed {
  const shed: Counter<'class'> = metrics.counter({
    name: 'shed_total',
    help: 'Decisions refused because there was too much to do, by what was asked.',
    labels: ['class'],
  });
  return (operation, tenantId) => {
    if (operation.permission !== 'decide') return false;
    const kind = classOf(operation.id);
    const limits = LIMITS[kind];
    const isRefused =
      load.waiting() > limits.waiting ||
      (load.lateMs() > limits.lateMs && (tenantId === undefined || load.isUnderWay(tenantId))) ||
      (tenantId !== undefined && load.isLineTooLong(tenantId));
    if (isRefused) shed.inc({ class: kind });
    return isRefused;
  };
}

/**
 * What is neither one check nor a batch of them asks the engine many questions for one answer; but for introspection, which
 * stands before a check and is refused with it, not sooner.
 */
function classOf(operationId: string): keyof typeof LIMITS {
  if (operationId === 'check' || operationId === 'introspectToken') return 'check';
  return operationId === 'batchCheck' ? 'batch' : 'list';
}
