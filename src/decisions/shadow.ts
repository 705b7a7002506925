/**
 * One live check in a hundred is asked of the rows as well, after it was answered: what an outage would be answered from
 * is exercised all the time, and an engine that answers wrongly is found while it runs (RELIABILITY §5).
 *
 * A difference counts only where it stays: rows that were committed a moment ago are not in force yet. Nobody waits for
 * any of this, and one is looked at at a time. tests/integration/degraded.test.ts.
 */
import type { Logger } from 'pino';

import type { Metrics } from '../platform/metrics.js';
import type { SyncGate } from '../shared/sync-gate.js';
import type { TupleStore } from '../shared/tuple.js';
import type { Question } from './question.js';
import type { AskRows } from './rows.js';

export interface ShadowOptions {
  readonly askRows: AskRows;
  readonly tuples: Pick<TupleStore, 'check'>;
  readonly gate: Pick<SyncGate, 'isSettled'>;
  readonly metrics: Metrics;
  readonly log: Logger;
  readonly now: () => Date;
  /** The share of checks that are looked at. */
  readonly share?: number;
}

/** Hears of an answer that was given; returns at once. */
export type Shadow = (question: Question, answered: { readonly allowed: boolean; readonly at: Date }) => void;

const RESULTS = ['match', 'moved', 'mismatch', 'failed'] as const;
type Result = (typeof RESULTS)[number];

const SHARE = 0.01;
const TIMEOUT_MS = 1_000;
/** Until what was committed as the check was answered is in force, as a rule. */
const AGAIN_MS = 500;

export function createShadow(options: ShadowOptions): Shadow {
  const { askRows, tuples, gate, metrics, log, now, share = SHARE } = options;
  const checks = metrics.counter({
    name: 'shadow_checks_total',
    help: 'Live checks that were asked of the rows as well, by what came of it: a mismatch is an engine that is wrong.',
    labels: ['result'],
    known: RESULTS.map((result) => ({ result })),
  });
  let isBusy = false;
  const rowsSay = (question: Question, at: Date): Promise<boolean> =>
    askRows(question, at, { remainingMs: () => TIMEOUT_MS, signal: AbortSignal.timeout(TIMEOUT_MS) });

  /** Whether the engine and the rows differ, and nothing waits that could explain it. */
  async function differs(question: Question): Promise<boolean> {
    const at = now();
    const rows = await rowsSay(question, at);
    const engine = await tuples.check({ ...question.tuple, at, fresh: true }, { timeoutMs: TIMEOUT_MS });
    return rows !== engine && (await gate.isSettled(question.tenantId));
  }

  async function compare(question: Question, answered: Parameters<Shadow>[1]): Promise<Result> {
    if ((await rowsSay(question, answered.at)) === answered.allowed) return 'match';
    for (let look = 0; look < 2; look += 1) {
      await new Promise((resolve) => setTimeout(resolve, AGAIN_MS).unref());
      if (!(await differs(question))) return 'moved';
    }
    return 'mismatch';
  }

  return (question, answered) => {
    if (isBusy || Math.random() >= share) return;
    isBusy = true;
    void compare(question, answered)
      .catch((): Result => 'failed')
      .then((result) => {
        checks.inc({ result });
        const { userId, permission, object } = question;
        if (result === 'mismatch') log.error({ userId, permission, object }, 'the engine and the rows differ');
      })
      .finally(() => (isBusy = false));
  };
}
