/**
 * The check that needs nobody: its answer is kept, its caller may ask, and the log takes it in without a wait.
 *
 * It judges the body as narrowly as the contract does, and answers only what `check` (src/decisions/operations.ts) would
 * answer in the same words; everything else, faults included, is left to it. tests/integration/instant-check.test.ts.
 * What a body says depends on nothing else, so that whoever reads bodies may keep what was made of one.
 */
import type { CheckResult } from '../contract/api.js';
import type { Caller } from '../shared/caller.js';
import { isoOf } from '../shared/iso.js';
import { Problem } from '../shared/problem.js';
import type { SyncGate } from '../shared/sync-gate.js';
import { needOf } from './admission.js';
import type { DecisionCache } from './cache.js';
import type { Asker, Journal } from './journal.js';
import { toQuestion, type Question } from './question.js';

/** A check that was read from a body. */
export interface PlainCheck {
  /** The tenant that it is about. */
  readonly tenantId: string;
  /** Whether this caller may ask it, and needs no right of their own that would have to be looked up. */
  readonly isOpenTo: (caller: Caller) => boolean;
  /** The answer, written down; undefined: this takes more than can be done at once, and nothing has happened. */
  readonly atOnce: (asker: Asker) => CheckResult | undefined;
}

/** The check that a body is, as the contract has it; undefined: it is more than that, or at fault. */
export type ReadPlainCheck = (body: unknown) => PlainCheck | undefined;

export interface InstantOptions {
  readonly cache: Pick<DecisionCache, 'look'>;
  readonly gate: Pick<SyncGate, 'isQuiet'>;
  readonly journal: Pick<Journal, 'moment' | 'decideAtOnce'>;
}

export function createInstantCheck(options: InstantOptions): ReadPlainCheck {
  return (body) => {
    const question = orUndefined(() => questionIn(body));
    if (question === undefined) return undefined;
    return {
      tenantId: question.tenantId,
      isOpenTo: (caller) => orUndefined(() => (needOf(caller, question) === undefined ? true : undefined)) ?? false,
      atOnce: createAtOnce(question, options),
    };
  };
}

function createAtOnce(question: Question, { cache, gate, journal }: InstantOptions): PlainCheck['atOnce'] {
  const { userId, tenantId, permission, object } = question;
  const subject = { api: 'check', userId, tenantId, permission, object } as const;
  return (asker) => {
    const { at, syncPosition } = journal.moment(tenantId);
    const allowed = cache.look(question, at);
    if (allowed === undefined || (allowed && !gate.isQuiet(tenantId))) return undefined;
    const answer = allowed ? 'allowed' : 'denied';
    const journaled = journal.decideAtOnce(subject, asker, { at, syncPosition, answer, source: 'cache' });
    if (journaled === undefined) return undefined;
    const { decisionId, modelId } = journaled;
    return { allowed, decisionId, modelId, evaluatedAt: isoOf(at) };
  };
}

const NAMES = ['user', 'permission', 'tenant', 'object', 'consistency'];
const FIELDS = new Set(NAMES);

/** The question, where the body has no more than one. Throws Problem. */
export function questionIn(body: unknown): Question | undefined {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return undefined;
  const asked = new Map<string, unknown>(Object.entries(body));
  for (const field of asked.keys()) if (!FIELDS.has(field)) return undefined;
  const [user, permission, tenant, object, consistency] = NAMES.map((name) => asked.get(name));
  if (typeof user !== 'string' || typeof permission !== 'string' || typeof tenant !== 'string') return undefined;
  if (object === undefined ? asked.has('object') : typeof object !== 'string') return undefined;
  if (asked.has('consistency') && consistency !== 'full') return undefined;
  return toQuestion({
    ...{ user, permission, tenant },
    ...(typeof object === 'string' && { object }),
    ...(consistency === 'full' && { consistency }),
  });
}

function orUndefined<T>(work: () => T | undefined): T | undefined {
  try {
    return work();
  } catch (error) {
    if (error instanceof Problem) return undefined;
    throw error;
  }
}
