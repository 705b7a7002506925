/**
 * Readiness: whether requests should be sent here now.
 *
 * Probes come often and from many: the checks run at most once a second, all probes share one run, and none waits
 * longer than a check may take. Draining is final: it is how the end begins.
 */
import { performance } from 'node:perf_hooks';

import { NotReady } from '../shared/not-ready.js';
import { Problem } from '../shared/problem.js';

/** Something that must work for the service to be of use. Rejects where it does not. */
export interface ReadinessCheck {
  readonly name: string;
  readonly check: () => Promise<void>;
}

/** Something that people should know of and that is no reason to send requests elsewhere. */
export interface ReadinessWarning {
  readonly name: string;
  /** Resolves to what there is to say, if anything. */
  readonly warn: () => Promise<string | undefined>;
}

export interface CheckOutcome {
  readonly name: string;
  /** Undefined where all is well. */
  readonly failure: string | undefined;
  /** Said, and ready even so. */
  readonly warning?: string | undefined;
}

export interface Readiness {
  /** Outcomes not older than a second, in the order of the checks. */
  outcomes(): Promise<readonly CheckOutcome[]>;
  /** From now on not ready, whatever the checks say. */
  drain(): void;
}

const CACHED_MS = 1_000;
const CHECK_TIMEOUT_MS = 1_000;

/** Makes the readiness of a set of checks; warnings come after them. */
export function createReadiness(
  checks: readonly ReadinessCheck[],
  warnings: readonly ReadinessWarning[] = [],
): Readiness {
  let outcomes: Promise<readonly CheckOutcome[]> | undefined;
  let askedAt = -Infinity;
  let isDraining = false;
  return {
    drain: () => {
      isDraining = true;
    },
    outcomes: async () => {
      if (isDraining) return [{ name: 'drain', failure: 'the service is shutting down' }];
      if (outcomes === undefined || performance.now() - askedAt >= CACHED_MS) {
        askedAt = performance.now();
        outcomes = Promise.all([...checks.map(runCheck), ...warnings.map(askWarning)]);
      }
      return await outcomes;
    },
  };
}

async function runCheck({ name, check }: ReadinessCheck): Promise<CheckOutcome> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<string>((resolve) => {
    timer = setTimeout(() => resolve(`no answer within ${CHECK_TIMEOUT_MS} ms`), CHECK_TIMEOUT_MS);
  });
  try {
    return { name, failure: await Promise.race([check().then(() => undefined), timeout]) };
  } catch (error) {
    if (error instanceof NotReady) return { name, failure: error.message };
    return { name, failure: error instanceof Problem ? error.detail : 'failed' };
  } finally {
    clearTimeout(timer);
  }
}

async function askWarning({ name, warn }: ReadinessWarning): Promise<CheckOutcome> {
  let warning: string | undefined;
  const check = async (): Promise<void> => {
    warning = await warn();
  };
  const { failure } = await runCheck({ name, check });
  return { name, failure: undefined, warning: failure ?? warning };
}
