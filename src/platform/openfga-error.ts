/**
 * What a failed call to OpenFGA means.
 *
 * The SDK keeps the status and code of an answer, but of a broken connection only the text. So the text decides there,
 * and what it does not know counts as the worst: unavailable, and for a write, possibly applied.
 */
import { FgaApiError, FgaValidationError } from '@openfga/sdk';
import type { CheckError } from '@openfga/sdk';

import { EngineError } from '../shared/tuple.js';
import { EngineRefusal } from './engine-http.js';
import { explainEngineTls } from './tls-refusal.js';

/** Failures before the request left: the engine cannot have seen it. */
const NEVER_SENT = /ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EAI_FAIL|EHOSTUNREACH|ENETUNREACH|EADDRNOTAVAIL|ERR_INVALID_URL/;

/** Codes of a 400 that say nothing about the question or the tuple: the store or the model is gone. */
const LOST = new Set(['authorization_model_not_found', 'latest_authorization_model_not_found', 'store_id_not_found']);

/** Translates whatever a call threw. `wasStopped`: the call's own time limit or signal ended it. */
export function engineErrorOf(error: unknown, call: { isWrite: boolean; wasStopped: boolean }): EngineError {
  if (error instanceof EngineError) return error;
  const applied = call.isWrite ? 'unknown' : 'no';
  const refusal = refusalOf(error);
  if (refusal !== undefined) {
    const { kind, isRefused } = meaningOf(refusal.status, refusal.code);
    const message = `the engine answered ${refusal.status}: ${refusal.message}`;
    return new EngineError(message, { kind, applied: isRefused ? 'no' : applied }, { cause: error });
  }
  if (call.wasStopped) {
    return new EngineError('the engine did not answer in time', { kind: 'timeout', applied }, { cause: error });
  }
  if (error instanceof FgaValidationError) {
    return new EngineError(error.message, { kind: 'invalid', applied: 'no' }, { cause: error });
  }
  const text = error instanceof Error ? `${error.message} ${error.stack ?? ''}` : '';
  return new EngineError(
    'the engine cannot be reached',
    { kind: 'unavailable', applied: NEVER_SENT.test(text) ? 'no' : applied },
    { cause: explainEngineTls(error) },
  );
}

/** An item of a batch that the engine could not answer. */
export function engineErrorOfItem(error: CheckError): EngineError {
  const kind = error.input_error === undefined ? 'unavailable' : 'invalid';
  return new EngineError(`the engine answered: ${error.message ?? 'an error'}`, { kind, applied: 'no' });
}

/** The status that the engine answered a call with; undefined: it did not answer. */
export function statusOf(error: unknown): number | undefined {
  return refusalOf(error)?.status;
}

/** What the engine answered, by whichever way it was asked. */
function refusalOf(error: unknown): { status: number; code: string | undefined; message: string } | undefined {
  if (error instanceof EngineRefusal) return error;
  if (!(error instanceof FgaApiError) || error.statusCode === undefined) return undefined;
  return { status: error.statusCode, code: codeOf(error), message: error.apiErrorMessage ?? error.message };
}

function codeOf(error: FgaApiError): string | undefined {
  const data: unknown = error.responseData;
  const code: unknown = typeof data === 'object' && data !== null && 'code' in data ? data.code : undefined;
  return typeof code === 'string' ? code : undefined;
}

/** `isRefused`: the engine has said that it did not do it. */
function meaningOf(status: number, code: string | undefined): { kind: EngineError['kind']; isRefused: boolean } {
  if (status === 409) return { kind: 'conflict', isRefused: true };
  // The engine's own time limit, which it answers as a 500.
  if (code === 'deadline_exceeded') return { kind: 'timeout', isRefused: false };
  if (status === 401 || status === 403 || status === 404 || status === 429) {
    return { kind: 'unavailable', isRefused: true };
  }
  if (status === 422)
    return { kind: code?.includes('throttled') === true ? 'unavailable' : 'invalid', isRefused: true };
  if (status >= 400 && status < 500) {
    return { kind: code !== undefined && LOST.has(code) ? 'unavailable' : 'invalid', isRefused: true };
  }
  return { kind: 'unavailable', isRefused: false };
}
