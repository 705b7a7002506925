/**
 * Every decision passes through here: it is made, written down, counted and only then given.
 *
 * INVARIANT: where the engine, the sync gate or the log cannot answer, so do we not: a 503, logged as `undecided`,
 * never a `false`. tests/integration/decisions.test.ts.
 */
import { randomUUID } from 'node:crypto';

import type { DecisionLog } from '../audit/decision-log.js';
import type { DecisionEntry } from '../audit/decision-store.js';
import type { Permission } from '../contract/model.js';
import type { Metrics } from '../platform/metrics.js';
import type { RequestContext } from '../shared/operation.js';
import { Problem, PROBLEMS } from '../shared/problem.js';
import type { SyncGate } from '../shared/sync-gate.js';
import { EngineError } from '../shared/tuple.js';

export type DecisionApi = DecisionEntry['api'];

/** What is decided. */
export interface Subject {
  readonly api: DecisionApi;
  readonly tenantId: string;
  /** `*`: everybody. */
  readonly userId: string;
  /** `*`: every permission of the object; `platform`: to be a platform admin. */
  readonly permission: Permission | 'platform' | '*';
  /** As outsiders name it; for a list the type alone. */
  readonly object: string;
}

/** When the engine was asked, and what was in force then. */
export interface Moment {
  readonly at: Date;
  readonly syncPosition: number | undefined;
}

export interface Outcome extends Moment {
  readonly answer: Exclude<DecisionEntry['answer'], 'undecided'>;
  readonly listed?: number;
}

/** How an outcome is named to whoever asked. */
export interface Journaled {
  readonly decisionId: string;
  readonly modelId: string;
}

export interface Journal {
  /** Reads the clock and what is in force for the tenant. */
  moment(tenantId: string): Moment;
  /** Runs `decide`, writes down what came of it and resolves to it. Throws Problem. */
  decide<O extends Outcome>(
    subject: Subject,
    context: RequestContext,
    decide: () => Promise<O>,
  ): Promise<O & Journaled>;
}

export interface JournalOptions {
  readonly decisionLog: DecisionLog;
  readonly gate: SyncGate;
  readonly metrics: Metrics;
  readonly now: () => Date;
  readonly modelId: () => string;
}

export function createJournal({ decisionLog, gate, metrics, now, modelId: currentModelId }: JournalOptions): Journal {
  const measure = createMeasure(metrics);
  const moment = (tenantId: string): Moment => ({ at: now(), syncPosition: gate.position(tenantId) });
  return {
    moment,
    async decide(subject, context, decide) {
      const startedAt = performance.now();
      const modelId = currentModelId();
      const decisionId = randomUUID();
      const entry = (what: Moment & Pick<DecisionEntry, 'answer' | 'listed' | 'problem'>): DecisionEntry => ({
        decisionId,
        decidedAt: what.at,
        api: subject.api,
        tenantId: subject.tenantId,
        callerKind: context.caller.kind,
        callerId: context.caller.kind === 'user' ? context.caller.actorUserId : context.caller.serviceKeyId,
        subjectUserId: subject.userId,
        permission: subject.permission,
        object: subject.object,
        answer: what.answer,
        ...(what.listed === undefined ? {} : { listed: what.listed }),
        source: 'engine',
        ...(what.problem === undefined ? {} : { problem: what.problem }),
        modelId,
        syncPosition: what.syncPosition,
        latencyUs: Math.round((performance.now() - startedAt) * 1000),
        requestId: context.requestId,
      });
      try {
        const outcome = await decide();
        await decisionLog.record(entry(outcome), context.deadline.signal);
        measure(subject.api, outcome.answer, startedAt);
        return { ...outcome, decisionId, modelId };
      } catch (error) {
        const problem = asProblem(error);
        if (PROBLEMS[problem.code].status < 500) throw problem;
        measure(subject.api, 'undecided', startedAt);
        // Whoever asked gets 503 whether or not this is written down.
        const undecided = entry({ ...moment(subject.tenantId), answer: 'undecided', problem: problem.code });
        if (problem.code !== 'AUDIT_UNAVAILABLE') await decisionLog.record(undecided).catch(() => undefined);
        throw error === problem || problem.code !== 'INTERNAL' ? problem : error;
      }
    },
  };
}

/** What an unanswered question is to whoever asked. A bug stays one. */
function asProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof EngineError) {
    const detail = 'the decision engine did not answer; this is neither a yes nor a no';
    return new Problem('ENGINE_UNAVAILABLE', detail, { cause: error, retryAfterSeconds: 1 });
  }
  return new Problem('INTERNAL', 'the service failed', { cause: error });
}

type Measure = (api: DecisionApi, outcome: DecisionEntry['answer'], startedAt: number) => void;

function createMeasure(metrics: Metrics): Measure {
  const decisions = metrics.counter({
    name: 'decisions_total',
    help: 'Decisions, by what was asked, what was answered and where the answer came from.',
    labels: ['api', 'outcome', 'source'],
  });
  const seconds = metrics.histogram({
    name: 'check_duration_seconds',
    help: 'Duration of checks, from the valid question to the answer that may be given.',
    labels: ['outcome'],
  });
  return (api, outcome, startedAt) => {
    decisions.inc({ api, outcome, source: 'engine' });
    if (api === 'check') seconds.observe({ outcome }, (performance.now() - startedAt) / 1000);
  };
}
