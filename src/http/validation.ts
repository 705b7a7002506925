/**
 * Requests and answers against the contract, by express-openapi-validator.
 *
 * The validator goes through the paths of its document one by one and compiles a pattern for each, at every request:
 * one validator over 100 paths cost 0.2 to 0.4 ms of CPU a request more than over one (2 cores, Node 20.20, 800 posts).
 * Each operation therefore has a validator of its own over a document of one path, and is found by routes.ts. It takes
 * about 35 ms and 0.1 MB to make, so the first request of its operation makes it.
 * INVARIANT: the cost of a request does not grow with the contract. tests/contract/validation.test.ts.
 */
import type { Request, Response } from 'express';
import { middleware } from 'express-openapi-validator';

import { createArrayBounds } from './array-bounds.js';
import { type ContractDocument, type ContractOperation, sliceOf } from './contract.js';
import { invalidRequest } from './problems.js';

type Middleware = ReturnType<typeof middleware>[number];
type ApiSpec = Parameters<typeof middleware>[0]['apiSpec'];

/**
 * Checks a request whose body has been read into `request.body`, and fills in the contract's defaults.
 * Rejects with the validator's error (http/problems.ts knows it). Where answers are validated, `onBadAnswer` hears of
 * one that `response.json` was about to send and that does not follow the contract; it is not sent.
 */
export type Validate = (request: Request, response: Response, onBadAnswer: (error: unknown) => void) => Promise<void>;

/** Makes the validator of one operation. */
export function createValidator(
  document: ContractDocument,
  { operation, validateResponses }: { operation: ContractOperation; validateResponses: boolean },
): Validate {
  // Cut out at the start, so that a reference which leads nowhere stops it.
  const slice = sliceOf(document, operation);
  const refuseLongArrays = createArrayBounds(slice, operation);
  let steps: readonly Middleware[] | undefined;
  return async (request, response, onBadAnswer) => {
    refuseUnclearParameters(request);
    request.originalUrl = encodeQuery(request.originalUrl);
    // The validator asks for a body only where its schema asks for a field; house rule: every body is required.
    if (operation.takesBody && request.body === undefined) {
      throw invalidRequest([{ field: 'body', message: 'is missing' }]);
    }
    refuseLongArrays(request.body);
    steps ??= middleware({
      // A document of the kind that the contract is; the package's type spells all of OpenAPI out.
      apiSpec: slice as unknown as ApiSpec,
      // Done once over the whole document, by tests/contract/house-rules.test.ts.
      validateApiSpec: false,
      validateRequests: { allErrors: true },
      validateResponses,
      validateSecurity: false,
      fileUploader: false,
    });
    for (const step of steps) await run(step, { request, response, onBadAnswer });
  };
}

/** Runs one middleware. The one for answers calls `next` a second time when it refuses one. */
function run(
  step: Middleware,
  { request, response, onBadAnswer }: { request: Request; response: Response; onBadAnswer: (error: unknown) => void },
): Promise<void> {
  return new Promise((resolve, reject) => {
    let settled = false;
    const next = (error?: unknown): void => {
      if (settled) onBadAnswer(error);
      else if (error === undefined) resolve();
      else reject(error instanceof Error ? error : new Error('the validator failed', { cause: error }));
      settled = true;
    };
    try {
      // Express' request is what the package's own request type extends, with fields that it sets itself.
      void step(request as Parameters<Middleware>[0], response, next);
    } catch (error) {
      next(error);
    }
  });
}

/** `?a=1&a=2` means one thing to one program and another to the next. */
function refuseUnclearParameters(request: Request): void {
  const seen = new Set<string>();
  for (const [name, value] of new URLSearchParams(queryOf(request.url))) {
    if (seen.has(name)) throw invalidRequest([{ field: name, message: 'must not be given twice' }]);
    // Postgres' text cannot hold it.
    if (value.includes('\0')) throw invalidRequest([{ field: name, message: 'holds a NUL character' }]);
    seen.add(name);
  }
}

/**
 * The same address, every character of its query encoded that may be: the validator refuses `+` for a space, which forms
 * and URLSearchParams write, and `:` in a time, which people do.
 */
function encodeQuery(url: string): string {
  const query = queryOf(url);
  if (query === '') return url;
  const encode = (text: string): string =>
    encodeURIComponent(text).replace(/[!'()*]/g, (each) => `%${each.charCodeAt(0).toString(16)}`);
  const pairs = [...new URLSearchParams(query)].map(([name, value]) => `${encode(name)}=${encode(value)}`);
  return `${url.slice(0, url.indexOf('?'))}?${pairs.join('&')}`;
}

function queryOf(url: string): string {
  const at = url.indexOf('?');
  return at === -1 ? '' : url.slice(at + 1);
}
