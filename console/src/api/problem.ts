/**
 * What the service refused, or why it could not be asked: one kind of error for every screen.
 *
 * `code` is stable and decides what a screen does; `detail` is the service's own sentence, shown beside ours.
 */
import type { Problem, ProblemCode } from '../../../src/contract/api.js';

export type Code = ProblemCode | 'UNREACHABLE';

export class ApiProblem extends Error {
  readonly code: Code;
  readonly status: number;
  readonly detail: string;
  readonly requestId: string | undefined;
  readonly retryAfterSeconds: number | undefined;
  readonly body: Partial<Problem>;

  constructor(
    code: Code,
    { status, body, retryAfter }: { status: number; body: Partial<Problem>; retryAfter?: string | null },
  ) {
    super(body.detail ?? code);
    this.name = 'ApiProblem';
    this.code = code;
    this.status = status;
    this.body = body;
    this.detail = body.detail ?? '';
    this.requestId = body.requestId;
    this.retryAfterSeconds = retryAfter === null || retryAfter === undefined ? undefined : Number(retryAfter);
  }

  static unreachable(): ApiProblem {
    return new ApiProblem('UNREACHABLE', { status: 0, body: {} });
  }
}

/** The problem in an answer; a proxy's own page becomes one too. */
export async function problemOf(response: Response): Promise<ApiProblem> {
  const retryAfter = response.headers.get('retry-after');
  try {
    // The service answers every refusal with a Problem of the contract.
    const body = (await response.json()) as Problem;
    return new ApiProblem(body.code, { status: response.status, body, retryAfter });
  } catch {
    return new ApiProblem('UNREACHABLE', { status: response.status, body: {}, retryAfter });
  }
}

/** An error of any kind as a problem; what is none is a fault of ours. */
export function asProblem(error: unknown): ApiProblem {
  if (error instanceof ApiProblem) return error;
  const detail = error instanceof Error ? error.message : String(error);
  return new ApiProblem('INTERNAL', { status: 0, body: { detail } });
}
