/**
 * Every decision passes through here: it is made, written down, counted and only then given.
 *
 * INVARIANT: where the engine, the sync gate or the log cannot answer, so do we not: a 503, logged as `undecided`,
 * never a `false`. tests/integration/decisions.test.ts.
 */
import type { DecisionLog } from '../audit/decision-log.js';
import type { DecisionEntry } from '../audit/decision-store.js';
import type { Permission } from '../contract/model.js';
import type { Metrics } from '../platform/metrics.js';
import type { RequestContext } from '../shared/operation.js';
import { Problem, PROBLEMS } from '../shared/problem.js';
import type { SyncGate } from '../shared/sync-gate.js';
import { newTimedId } from '../shared/timed-id.js';
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
  /** Why, where that was asked for. */
  readonly explanation?: object | undefined;
  /** Left out: the engine. */
  readonly source?: DecisionEntry['source'];
}

/** Who asked. */
export type Asker = Pick<RequestContext, 'caller' | 'requestId'>;

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
  /** The same for an outcome that is there already; undefined: it would have to wait, and nothing has been done. */
  decideAtOnce(subject: Subject, asker: Asker, outcome: Outcome): Journaled | undefined;
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
      const decision = { subject, asker: context, startedAt: performance.now(), ...named(currentModelId()) };
      try {
        const outcome = await decide();
        await decisionLog.record(entryOf(decision, outcome), context.deadline.signal);
        measure({ api: subject.api, outcome: outcome.answer, source: outcome.source ?? 'engine' }, decision.startedAt);
        return { ...outcome, decisionId: decision.decisionId, modelId: decision.modelId };
      } catch (error) {
        const problem = asProblem(error);
        if (PROBLEMS[problem.code].status < 500) throw problem;
        measure({ api: subject.api, outcome: 'undecided', source: 'engine' }, decision.startedAt);
        // Whoever asked gets 503 whether or not this is written down.
        const undecided = { ...moment(subject.tenantId), answer: 'undecided', problem: problem.code } as const;
        // What is refused for load is counted and in the access log, here as where it is shed: a row of it is more load.
        if (problem.code !== 'AUDIT_UNAVAILABLE' && problem.code !== 'OVERLOADED') {
          await decisionLog.record(entryOf(decision, undecided)).catch(() => undefined);
        }
        throw error === problem || problem.code !== 'INTERNAL' ? problem : error;
      }
    },
    decideAtOnce(subject, asker, outcome) {
      const startedAt = performance.now();
      const decision = { subject, asker, startedAt, decisionId: newTimedId(), modelId: currentModelId() };
      if (!decisionLog.recordAtOnce(entryOf(decision, outcome))) return undefined;
      measure({ api: subject.api, outcome: outcome.answer, source: outcome.source ?? 'engine' }, startedAt);
      return decision;
    },
  };
}

const named = (modelId: string): Journaled => ({ decisionId: newTimedId(), modelId });

interface UnderWay extends Journaled {
  readonly subject: Subject;
  readonly asker: Asker;
  readonly startedAt: number;
}

type Found = Moment &
  Pick<DecisionEntry, 'answer' | 'listed' | 'problem' | 'explanation'> &
  Partial<Pick<DecisionEntry, 'source'>>;

function entryOf({ subject, asker, startedAt, decisionId, modelId }: UnderWay, found: Found): DecisionEntry {
  return {
    decisionId,
    decidedAt: found.at,
    api: subject.api,
    tenantId: subject.tenantId,
    callerKind: asker.caller.kind,
    callerId: asker.caller.kind === 'user' ? asker.caller.actorUserId : asker.caller.serviceKeyId,
    subjectUserId: subject.userId,
    permission: subject.permission,
    object: subject.object,
    answer: found.answer,
    listed: found.listed,
    source: found.source ?? 'engine',
    problem: found.problem,
    modelId,
    syncPosition: found.syncPosition,
    latencyUs: Math.round((performance.now() - startedAt) * 1000),
    requestId: asker.requestId,
    explanation: found.explanation,
  };
}

/** What an unanswered question is to whoever asked. A bug stays one. */
function asProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof EngineError && error.kind === 'busy') {
    const detail = 'too many questions about this tenant wait to be answered';
    return new Problem('OVERLOADED', detail, { cause: error, retryAfterSeconds: 1 });
  }
  if (error instanceof EngineError) {
    const detail = 'the decision engine did not answer; this is neither a yes nor a no';
    return new Problem('ENGINE_UNAVAILABLE', detail, { cause: error, retryAfterSeconds: 1 });
  }
  return new Problem('INTERNAL', 'the service failed', { cause: error });
}

interface Measured {
  readonly api: DecisionApi;
  readonly outcome: DecisionEntry['answer'];
  readonly source: DecisionEntry['source'];
}

interface Measurement {
  readonly inc: () => void;
  readonly observe: (value: number) => void;
}

type Measure = (measured: Measured, startedAt: number) => void;

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
  const made = new Map<Measured['outcome'], Map<Measured['source'], Map<DecisionApi, Measurement>>>();
  const make = ({ api, outcome, source }: Measured): Measurement => {
    const counted = decisions.series({ api, outcome, source });
    const timed = api === 'check' ? seconds.series({ outcome }) : { observe: () => undefined };
    const measurement = { inc: () => counted.inc(), observe: (value: number) => timed.observe(value) };
    const bySource = made.get(outcome) ?? new Map<Measured['source'], Map<DecisionApi, Measurement>>();
    const byApi = bySource.get(source) ?? new Map<DecisionApi, Measurement>();
    made.set(outcome, bySource.set(source, byApi.set(api, measurement)));
    return measurement;
  };
  return (measured, startedAt) => {
    const { api, outcome, source } = measured;
    // Nested, because a key joined from the three would have to be made and hashed each time.
    const found = made.get(outcome)?.get(source)?.get(api) ?? make(measured);
    found.inc();
    found.observe((performance.now() - startedAt) / 1000);
  };
}
