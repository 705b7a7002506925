/**
 * The check that needs nobody: its answer is kept, its caller may ask, and the log takes it in without a wait.
 *
 * It judges the body as narrowly as the contract does, and answers only what `check` (src/decisions/operations.ts) would
 * answer in the same words; everything else, faults included, is left to it. tests/integration/instant-check.test.ts.
 */
import type { CheckResult } from '../contract/api.js';
import { Problem } from '../shared/problem.js';
import type { SyncGate } from '../shared/sync-gate.js';
import { needOf } from './admission.js';
import type { DecisionCache } from './cache.js';
import type { Asker, Journal } from './journal.js';
import { toQuestion, type Question } from './question.js';

/** The answer, written down; undefined: this takes more than can be done at once, and nothing has happened. */
export type InstantCheck = (body: unknown, asker: Asker) => CheckResult | undefined;

export interface InstantOptions {
  readonly cache: Pick<DecisionCache, 'look'>;
  readonly gate: Pick<SyncGate, 'isQuiet'>;
  readonly journal: Pick<Journal, 'moment' | 'decideAtOnce'>;
}

export function createInstantCheck({ cache, gate, journal }: InstantOptions): InstantCheck {
  return (body, asker) => {
    const question = orUndefined(() => questionIn(body, asker));
    if (question === undefined) return undefined;
    const { userId, tenantId, permission, object } = question;
    const moment = journal.moment(tenantId);
    const allowed = cache.look(question, moment.at);
    if (allowed === undefined || (allowed && !gate.isQuiet(tenantId))) return undefined;
    const outcome = { ...moment, answer: allowed ? 'allowed' : 'denied', source: 'cache' } as const;
    const journaled = journal.decideAtOnce({ api: 'check', userId, tenantId, permission, object }, asker, outcome);
    if (journaled === undefined) return undefined;
    const { decisionId, modelId } = journaled;
    return { allowed, decisionId, modelId, evaluatedAt: moment.at.toISOString() };
  };
}

const FIELDS = new Set(['user', 'permission', 'tenant', 'object']);

/** The question, where the body has no more than one and the caller needs no right to ask it. Throws Problem. */
export function questionIn(body: unknown, { caller }: Pick<Asker, 'caller'>): Question | undefined {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return undefined;
  const asked = new Map<string, unknown>(Object.entries(body));
  for (const field of asked.keys()) if (!FIELDS.has(field)) return undefined;
  const [user, permission, tenant, object] = ['user', 'permission', 'tenant', 'object'].map((name) => asked.get(name));
  if (typeof user !== 'string' || typeof permission !== 'string' || typeof tenant !== 'string') return undefined;
  if (needOf(caller, { userId: user, tenantId: tenant }) !== undefined) return undefined;
  if (object === undefined) return asked.has('object') ? undefined : toQuestion({ user, permission, tenant });
  return typeof object === 'string' ? toQuestion({ user, permission, tenant, object }) : undefined;
}

function orUndefined<T>(work: () => T | undefined): T | undefined {
  try {
    return work();
  } catch (error) {
    if (error instanceof Problem) return undefined;
    throw error;
  }
}
