/**
 * RFC 9457 bodies: the one place where an error becomes an answer, and where it is logged, once.
 *
 * INVARIANT: what is not a Problem is a bug of ours; the caller is told INTERNAL and the request id, and nothing that
 * the error says. tests/contract/problems.test.ts.
 */
import type { ServerResponse } from 'node:http';
import type { Logger } from 'pino';

import type { Problem as ProblemBody } from '../contract/api.js';
import { type FieldFault, Problem, PROBLEMS } from '../shared/problem.js';

export interface ProblemContext {
  readonly requestId: string;
  /** The path that was asked for, without its query. */
  readonly path: string;
  readonly log: Logger;
}

const CONTENT_TYPE = 'application/problem+json; charset=utf-8';

/** The body of a problem, cut to the bounds that the contract states. */
export function problemBody(problem: Problem, { requestId, path }: { requestId: string; path: string }): ProblemBody {
  const { status, title } = PROBLEMS[problem.code];
  return {
    type: `urn:bailiwick:problem:${problem.code.toLowerCase().replaceAll('_', '-')}`,
    title,
    status,
    detail: problem.detail.slice(0, 2000),
    instance: path.slice(0, 2048),
    code: problem.code,
    requestId,
    ...(problem.errors.length === 0 ? {} : { errors: problem.errors.slice(0, 50).map(cutFault) }),
    ...problem.facts,
  };
}

function cutFault({ field, message }: FieldFault): FieldFault {
  return { field: field.slice(0, 200), message: message.slice(0, 500) };
}

/** The request is wrong at the places named; the first is said in the detail too. */
export function invalidRequest(errors: readonly FieldFault[], cause?: unknown): Problem {
  const detail = errors[0] === undefined ? 'the request is not valid' : `\`${errors[0].field}\` ${errors[0].message}`;
  return new Problem('INVALID_REQUEST', detail, { errors, cause });
}

/** Any thrown value as a Problem: itself, what the validator found, or INTERNAL. */
export function asProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  const faults = validationFaults(error);
  if (faults !== undefined) return invalidRequest(faults, error);
  return new Problem('INTERNAL', 'the service failed; its log has more under the request id', { cause: error });
}

/** An error as an answer. */
export interface ProblemAnswer {
  readonly problem: Problem;
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** What is answered to the error, which is logged where it is ours. */
export function problemAnswer(error: unknown, context: ProblemContext): ProblemAnswer {
  const problem = asProblem(error);
  const body = problemBody(problem, context);
  const { status } = body;
  // What is refused for want of time is counted, and has its line in the access log: more of it would take more time.
  if (status >= 500 && problem.code !== 'OVERLOADED') {
    const level = problem.code === 'INTERNAL' ? 'error' : 'warn';
    context.log[level](
      { requestId: context.requestId, code: problem.code, err: problem.cause ?? problem },
      problem.detail,
    );
  }
  const retryAfterSeconds = problem.retryAfterSeconds ?? (status === 503 ? 1 : undefined);
  const headers = {
    ...(retryAfterSeconds === undefined ? {} : { 'retry-after': String(Math.ceil(retryAfterSeconds)) }),
    ...(status === 401 ? { 'www-authenticate': 'Bearer realm="bailiwick"' } : {}),
    'content-type': CONTENT_TYPE,
  };
  return { problem, status, headers, body: JSON.stringify(body) };
}

/** Answers with the problem, unless an answer is under way already, and logs it where it is ours. */
export function sendProblem(response: ServerResponse, error: unknown, context: ProblemContext): Problem {
  const { problem, status, headers, body } = problemAnswer(error, context);
  if (response.headersSent) {
    response.destroy();
    return problem;
  }
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  response.statusCode = status;
  response.end(body);
  return problem;
}

/** The faults in a 400 of express-openapi-validator, whose paths are such as `/body/user` and `/query/limit`. */
function validationFaults(error: unknown): readonly FieldFault[] | undefined {
  if (!(error instanceof Error) || !('status' in error) || error.status !== 400) return undefined;
  const faults: unknown = 'errors' in error ? error.errors : undefined;
  if (!Array.isArray(faults)) return undefined;
  return faults.map((fault: { path?: string; message?: string }) => ({
    field: (fault.path ?? '').replace(/^\/(body|query|headers|params)\/(?=.)/, '').replace(/^\//, ''),
    message: fault.message ?? 'is not valid',
  }));
}
