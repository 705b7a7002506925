import { expect } from 'vitest';
import { z } from 'zod';

import { problemCodes } from '../../src/contract/operations.js';

/** The `Problem` of openapi.yaml, written down a second time so that the first is checked. */
const problemSchema = z.strictObject({
  type: z.string().regex(/^urn:bailiwick:problem:[a-z-]+$/),
  title: z.string().min(1).max(200),
  status: z.int().min(400).max(599),
  detail: z.string().min(1).max(2000),
  instance: z.string().max(2048).optional(),
  code: z.enum(problemCodes),
  requestId: z.string().min(1).max(128),
  errors: z
    .array(z.strictObject({ field: z.string().max(200), message: z.string().min(1).max(500) }))
    .min(1)
    .max(50)
    .optional(),
});

/** The same, with the facts that some problems carry besides. */
export function parseAnyProblem(body: string): AnsweredProblem {
  return problemSchema.loose().parse(JSON.parse(body));
}

export type AnsweredProblem = z.infer<typeof problemSchema>;

/** Reads an answer that must be a problem of this status and code. */
export async function expectProblem(response: Response, status: number, code: string): Promise<AnsweredProblem> {
  expect(response.headers.get('content-type')).toBe('application/problem+json; charset=utf-8');
  const problem = problemSchema.parse(await response.json());
  expect({ status: response.status, code: problem.code }).toEqual({ status, code });
  expect(problem.status).toBe(response.status);
  expect(problem.requestId).toBe(response.headers.get('x-request-id'));
  return problem;
}

/** The same for an answer read by hand. */
export function parseProblem(body: string): AnsweredProblem {
  return problemSchema.parse(JSON.parse(body));
}
