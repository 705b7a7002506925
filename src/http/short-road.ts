/**
 * The short road: `POST /check` answered ahead of Express, where nothing but the check itself has to be waited for.
 *
 * It takes a request only where all is there at once: one plain head, a caller who is known already, a small body that
 * has come with it, a question that this caller may ask. An answer that is kept goes out in the same turn; for another
 * one the handler of the contract is called (`later`), or it is refused at once where there is no time for it: under
 * overload a refusal must cost next to nothing, or there is nothing left to answer with. Everything else goes on to the whole stack untouched, so a fault,
 * a limit or an odd header has one meaning. What it answers is the stack's answer: the same headers, line and metrics.
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
import { createSendAtOnce } from './lean-answer.js';
import { createMemo } from '../shared/memo.js';
import { secureAnswers } from './security-headers.js';
import { RETRY_AFTER_SECONDS } from './shedding.js';
import { readHead, type Head } from './short-head.js';

/** A check that was read from a body (src/decisions/instant.ts). */
export interface PlainCheck {
  /** The tenant that it is about. */
  readonly tenantId: string;
  /** Whether this caller may ask it, and needs no right that would have to be looked up. */
  readonly isOpenTo: (caller: Caller) => boolean;
  /** Answers at once, or undefined: then nothing has been done. */
  readonly atOnce: (asker: { readonly caller: Caller; readonly requestId: string }) => object | undefined;
}

/** What the access log is told. */
export interface Answered {
  readonly requestId: string;
  readonly caller: Caller;
  readonly head: Head;
  readonly durationMs: number;
}

interface Exchanged {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

export interface ShortRoadOptions {
  /** The one address that it serves. */
  readonly path: string;
  /** Who asks, if that is known without a wait. Throws what the stack will say again. */
  readonly known: (head: Head, request: IncomingMessage) => Caller | undefined;
  /** The check that a body is, if it is no more than that; it depends on the body alone. */
  readonly read: (body: unknown) => PlainCheck | undefined;
  /** Answers a check that is open to its caller, where that takes a wait. */
  readonly later: (exchange: Exchanged, asked: { readonly caller: Caller; readonly body: unknown }) => void;
  readonly onAnswered: (answered: Answered) => void;
  readonly refusals: Refusals;
}

/** What is done with a check for which there is no time: 503. */
export interface Refusals {
  /** Whether one about the tenant that takes a wait is not to be begun. */
  readonly isDue: (tenantId: string) => boolean;
  readonly body: (requestId: string) => object;
  readonly onAnswered: (answered: Answered) => void;
}

export type ShortRoad = (request: IncomingMessage, response: ServerResponse, otherwise: () => void) => void;

const MAX_BODY_BYTES = 4_096;
/** Checks that are remembered by the text of their body, twice over at most, and the longest such text. */
const CHECKS_READ = 16_384;
const REMEMBERED_BYTES = 512;

export function createShortRoad(options: ShortRoadOptions): ShortRoad {
  const { refusals } = options;
  const always = [...securityHeaders(), 'cache-control', 'no-store', 'content-type'];
  const send = createSendAtOnce(200, [...always, 'application/json; charset=utf-8']);
  const retryAfter = ['retry-after', String(RETRY_AFTER_SECONDS)];
  const sendRefusal = createSendAtOnce(503, [...always, 'application/problem+json; charset=utf-8', ...retryAfter]);
  const checks = createMemo<PlainCheck>(CHECKS_READ);
  const parse = (bytes: Buffer): unknown => parseJson(bytes, BODY_LIMITS.maxKeys);

  /** Bodies come again, letter by letter: what one says is worked out once. */
  function readCheck(bytes: Buffer): PlainCheck | undefined {
    if (bytes.length > REMEMBERED_BYTES) return options.read(parse(bytes));
    const text = bytes.toString('latin1');
    const known = checks.get(text);
    if (known !== undefined) return known;
    const check = options.read(parse(bytes));
    if (check !== undefined) checks.set(text, check);
    return check;
  }

  /** Whether it has been answered, or will be. */
  function tryAnswer({ request, response, head }: Exchanged & { readonly head: Head }, bytes: Buffer): boolean {
    const startedAt = performance.now();
    const caller = options.known(head, request);
    if (caller === undefined) return false;
    const check = readCheck(bytes);
    if (check?.isOpenTo(caller) !== true) return false;
    const requestId = head.requestId ?? randomUUID();
    const body = check.atOnce({ caller, requestId });
    if (body === undefined && !refusals.isDue(check.tenantId)) {
      options.later({ request, response }, { caller, body: parse(bytes) });
      return true;
    }
    const text = JSON.stringify(body ?? refusals.body(requestId));
    (body === undefined ? sendRefusal : send)(response, { requestId, text });
    const { onAnswered } = body === undefined ? refusals : options;
    onAnswered({ requestId, caller, head, durationMs: performance.now() - startedAt });
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
