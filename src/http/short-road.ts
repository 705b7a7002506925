/**
 * The short road: `POST /check` answered ahead of Express, where nothing has to be waited for.
 *
 * It takes a request only where it can do all of it at once: one plain head, a caller who is known already, a small body
 * that has come with it, an answer that is kept. Everything else goes on to the whole stack untouched, so a fault, a
 * limit or an odd header has one meaning. What it answers is the stack's answer: the same headers, line and metrics.
 *
 * Measured on 2 cores, Node 20.20: Express and the validator cost more than all else that a kept answer needs
 * (`npm run bench -- checks`). INVARIANT: whatever it takes, the stack would have answered alike. All of tests/contract
 * runs with it and without it.
 */
import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { performance } from 'node:perf_hooks';

import type { Caller } from '../shared/caller.js';
import { parseTimeoutMs } from './deadline.js';
import { BODY_LIMITS } from './contract.js';
import { parseJson } from './json.js';
import { secureAnswers } from './security-headers.js';
import { readHead, type Head } from './short-head.js';

/** Answers at once, or undefined: then nothing has been done. */
export type AnswerAtOnce = (
  body: unknown,
  asker: { readonly caller: Caller; readonly requestId: string },
) => object | undefined;

/** What the access log is told. */
export interface Answered {
  readonly requestId: string;
  readonly caller: Caller;
  readonly durationMs: number;
}

export interface ShortRoadOptions {
  /** The one address that it serves. */
  readonly path: string;
  /** Who asks, if that is known without a wait. Throws what the stack will say again. */
  readonly known: (head: Head, request: IncomingMessage) => Caller | undefined;
  readonly answer: AnswerAtOnce;
  readonly onAnswered: (answered: Answered) => void;
}

export type ShortRoad = (request: IncomingMessage, response: ServerResponse, otherwise: () => void) => void;

const MAX_BODY_BYTES = 4_096;

export function createShortRoad(options: ShortRoadOptions): ShortRoad {
  const headers = [
    ...securityHeaders(),
    'cache-control',
    'no-store',
    'content-type',
    'application/json; charset=utf-8',
  ];

  /** Whether it has been answered. */
  function tryAnswer(
    exchange: { request: IncomingMessage; response: ServerResponse; head: Head },
    bytes: Buffer,
  ): boolean {
    const { request, response, head } = exchange;
    const startedAt = performance.now();
    const caller = options.known(head, request);
    if (caller === undefined) return false;
    const requestId = head.requestId ?? randomUUID();
    const body = options.answer(parseJson(bytes, BODY_LIMITS.maxKeys), { caller, requestId });
    if (body === undefined) return false;
    const text = JSON.stringify(body);
    response.writeHead(200, [...headers, 'x-request-id', requestId, 'content-length', String(Buffer.byteLength(text))]);
    response.end(text);
    options.onAnswered({ requestId, caller, durationMs: performance.now() - startedAt });
    return true;
  }

  return (request, response, otherwise) => {
    const head = request.method === 'POST' && request.url === options.path ? readHead(request.rawHeaders) : undefined;
    if (head === undefined || head.bodyBytes > MAX_BODY_BYTES || parseTimeoutMs(head.timeoutMs) === 'invalid') {
      otherwise();
      return;
    }
    // A body that came in one piece with its head is there once the parser has done its turn.
    process.nextTick(() => {
      // The type leaves open what a stream of bytes gives.
      const bytes = request.read() as Buffer | null;
      try {
        if (bytes?.length === head.bodyBytes && tryAnswer({ request, response, head }, bytes)) return;
      } catch {
        // The stack meets the same fault, and says it.
      }
      if (bytes !== null) request.unshift(bytes);
      otherwise();
    });
  };
}

/** What helmet sets on every answer, as it sets it on the stack's. */
function securityHeaders(): string[] {
  const set: string[] = [];
  const response = {
    setHeader: (name: string, value: string) => set.push(name, value),
    removeHeader: () => undefined,
  };
  const request: unknown = {};
  // helmet uses nothing else of the two.
  secureAnswers(request as IncomingMessage, response as unknown as ServerResponse, () => undefined);
  return set;
}
