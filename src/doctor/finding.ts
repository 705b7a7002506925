/** What the doctor found: `fail` keeps something from working or lays it open, `warn` will one day. */
export interface Finding {
  /** Stable, in kebab case; what a script looks for. */
  readonly id: string;
  readonly level: 'fail' | 'warn';
  readonly what: string;
  /** What to do about it. */
  readonly cure: string;
}

/** One thing that is looked at: undefined where all is well. */
export type Check<Facts> = (facts: Facts) => Finding | undefined;

export const fail = (id: string, what: string, cure: string): Finding => ({ id, level: 'fail', what, cure });
export const warn = (id: string, what: string, cure: string): Finding => ({ id, level: 'warn', what, cure });

/** Everything that the checks have to say. */
export function findingsOf<Facts>(checks: readonly Check<Facts>[], facts: Facts): Finding[] {
  return checks.map((check) => check(facts)).filter((finding) => finding !== undefined);
}
