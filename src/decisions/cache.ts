/**
 * The decision cache: an answer of the engine, given again for as long as it is certain to be the same.
 *
 * What makes it certain is the footing (src/shared/sync-gate.ts). It is taken before the engine is asked and looked at
 * again when the answer has come, so an answer that a change has overtaken on its way is given once and never kept; and
 * an answer is taken out only while the footing that it was kept under still stands: a change anywhere in the tenant or
 * on the platform, the edge of any window there, or a feed that has fallen silent end that at once.
 *
 * INVARIANT: an answer from here is one that the engine would give now, but for what the feed has not told yet, which
 * is at most half a second old; and a question that has waited for its sync token does not wait for the feed.
 * INVARIANT: no more than `entries` answers are kept, and none is given while the engine does not serve.
 * tests/unit/decision-cache.test.ts; tests/integration/decision-cache.test.ts on two replicas.
 */
import { LRUCache } from 'lru-cache';

import type { Metrics } from '../platform/metrics.js';
import type { Footing, SyncGate } from '../shared/sync-gate.js';
import type { Question } from './question.js';

export interface DecisionCache {
  /** The answer that is certain for the moment, if one is kept. */
  look(question: Question, at: Date): boolean | undefined;
  /**
   * What `ask` resolves to, kept where that is certain. Those who ask the same on the same footing share one call; it is
   * told so, because it must not depend on any one of them.
   */
  ask(question: Question, at: Date, ask: (isShared: boolean) => Promise<boolean>): Promise<boolean>;
  /**
   * Before the engine is asked among many others: what is to be told its answer, so that it is kept where that is
   * certain. Nobody shares such a call, which may take as long as all of them do.
   */
  expect(question: Question, at: Date): (isAllowed: boolean) => void;
}

interface Kept {
  readonly isAllowed: boolean;
  readonly footing: Footing;
}

interface UnderWay {
  readonly answer: Promise<boolean>;
  readonly footing: Footing;
}

export interface CacheOptions {
  readonly gate: Pick<SyncGate, 'footing'>;
  readonly metrics: Metrics;
  /** The most answers that are kept; 0 keeps none. */
  readonly entries: number;
  readonly now: () => Date;
  /** Whether the engine serves: while it does not, nothing is decided, by what is kept neither. */
  readonly isEngineUp: () => boolean;
}

export function createDecisionCache({ gate, metrics, entries, now, isEngineUp }: CacheOptions): DecisionCache {
  const kept = entries === 0 ? undefined : new LRUCache<string, Kept>({ max: entries });
  const underWay = new Map<string, UnderWay>();
  const { hit, miss } = lookups(metrics);
  metrics.gauge({
    name: 'decision_cache_entries',
    help: 'Answers in the decision cache, those that have lost their footing and wait to be replaced among them.',
    collect: (gauge) => gauge.set({}, kept?.size ?? 0),
  });

  /** Where the footing from before the engine was asked still stands, the answer does. */
  function keep({ key, tenantId }: Question, answered: Kept): void {
    if (gate.footing(tenantId, now().getTime()) === answered.footing) kept?.set(key, answered);
  }

  return {
    look(question, at) {
      if (kept === undefined || question.fresh || !isEngineUp()) return undefined;
      const footing = gate.footing(question.tenantId, at.getTime());
      const found = footing === undefined ? undefined : kept.get(question.key);
      if (found !== undefined && found.footing === footing) {
        hit();
        return found.isAllowed;
      }
      return undefined;
    },
    async ask(question, at, ask) {
      if (kept === undefined || question.fresh) return await ask(false);
      miss();
      const footing = gate.footing(question.tenantId, at.getTime());
      if (footing === undefined) return await ask(false);
      const { key } = question;
      const joined = underWay.get(key);
      if (joined?.footing === footing) return await joined.answer;
      const shared = { answer: ask(true), footing };
      underWay.set(key, shared);
      try {
        const isAllowed = await shared.answer;
        keep(question, { isAllowed, footing });
        return isAllowed;
      } finally {
        if (underWay.get(key) === shared) underWay.delete(key);
      }
    },
    expect(question, at) {
      if (kept === undefined || question.fresh) return () => undefined;
      miss();
      const footing = gate.footing(question.tenantId, at.getTime());
      return (isAllowed) => {
        if (footing !== undefined) keep(question, { isAllowed, footing });
      };
    },
  };
}

function lookups(metrics: Metrics): { hit: () => void; miss: () => void } {
  const counter = metrics.counter({
    name: 'decision_cache_lookups_total',
    help: 'Questions put to the decision cache, by whether it had an answer that still stood.',
    labels: ['result'],
  });
  const [hit, miss] = [counter.series({ result: 'hit' }), counter.series({ result: 'miss' })];
  return { hit: () => hit.inc(), miss: () => miss.inc() };
}

/** What the gate tells of tenants whose answers have all become worthless. */
export function countInvalidations(metrics: Metrics): (count: number, reason: 'change' | 'time') => void {
  const counter = metrics.counter({
    name: 'decision_cache_invalidations_total',
    help: 'Times that all kept answers of a tenant were dropped: something was applied there, or a window opened or closed.',
    labels: ['reason'],
  });
  return (count, reason) => counter.inc({ reason }, count);
}
