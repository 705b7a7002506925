import { Problem } from '../../src/shared/problem.js';

/** How a transaction was refused, in one word where a guard did it: `LAST_ADMIN`. */
export function refusal(error: unknown): string {
  if (error instanceof Problem) return error.code;
  return error instanceof Error ? error.message : String(error);
}
