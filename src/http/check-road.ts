/**
 * The road of `check` ahead of Express, joined to the rest: the same endpoint, handler, log, limits and problems.
 *
 * A check whose answer is not kept spends more on Express and the validator than on everything else of ours together
 * (`npm run bench -- checks`, its cold part); its body has been judged by the time that this is known, and there is
 * nothing left for them to do. tests/contract runs with this road and without it.
 */
import type { ServerResponse } from 'node:http';
import type { Logger } from 'pino';

import { logAnswered, logRequest, type RequestSeconds } from './access-log.js';
import { begin, contextOf, type Endpoint, type Exchange, type ExchangeOptions, inTraceOf } from './exchange.js';
import type { Answer } from './idempotency.js';
import { problemBody } from './problems.js';
import { secureAnswers } from './security-headers.js';
import { overloaded, type Shed } from './shedding.js';
import { createShortRoad, type ShortRoad, type ShortRoadOptions } from './short-road.js';

export interface CheckRoadOptions {
  readonly log: Logger;
  /** Refuses what there is no time for; left out, nothing is refused. */
  readonly shed?: Shed;
  /** Answers `check` where nothing else has to be waited for; left out, the whole stack answers everything. */
  readonly atOnce?: Pick<ShortRoadOptions, 'known' | 'read'>;
}

/** The road, where the contract lets the decision code judge who may ask. */
export function createCheckRoad(
  endpoints: readonly Endpoint[],
  of: { options: CheckRoadOptions & ExchangeOptions; seconds: RequestSeconds },
): ShortRoad | undefined {
  const { options, seconds } = of;
  const { atOnce, shed, log } = options;
  const check = endpoints.find(
    ({ id, method, permission }) => id === 'check' && method === 'POST' && permission === 'decide',
  );
  if (atOnce === undefined || check === undefined) return undefined;
  const { id: operationId, method, route } = check;
  const always = { operationId, method, route };
  const refusal = overloaded();
  return createShortRoad({
    ...atOnce,
    path: route,
    onAnswered: logAnswered({ ...always, status: 200, code: undefined }, { ...options, seconds }),
    refusals: {
      isDue: (tenantId) => shed?.(check, tenantId) === true,
      body: (requestId) => problemBody(refusal, { requestId, path: route }),
      onAnswered: logAnswered({ ...always, status: 503, code: refusal.code }, { ...options, seconds }),
    },
    later: (exchange, { caller, body }) => {
      secureAnswers(exchange.request, exchange.response, () => undefined);
      const begun = begin(exchange, options);
      Object.assign(begun.record, { operationId, route, caller });
      logRequest(exchange.response, { record: begun.record, log, seconds });
      inTraceOf(begun, () => answerLater(check, { exchange: begun, body })).catch(begun.fail);
    },
  });
}

/** What is left of the stack's way for a check that needs no validator any more. */
async function answerLater(
  endpoint: Endpoint,
  { exchange, body }: { exchange: Exchange; body: unknown },
): Promise<void> {
  // `read` has held the body to the contract, of which the handler's types are made.
  const answer = await endpoint.handler({ body } as never, contextOf(exchange, endpoint) as never);
  sendJson(exchange.response, answer);
}

/** As Express sends it. */
function sendJson(response: ServerResponse, { status, headers = {}, body }: Answer): void {
  const text = JSON.stringify(body);
  response.writeHead(status, {
    ...headers,
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(text),
  });
  response.end(text);
}
