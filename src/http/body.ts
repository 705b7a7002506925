/**
 * The request body: uncompressed JSON in UTF-8, read by the operations that take one, up to their limit (64 KiB where the
 * contract states no other); or a form, where the contract lets it be one, which from then on is like the same in JSON.
 *
 * express-openapi-validator keeps one compiled validator for every `content-type` that it has ever seen, for ever, so a
 * caller could fill the heap with made-up ones. INVARIANT: when the validator runs, the header is `application/json` or
 * gone. tests/contract/hostile-content-type.test.ts.
 */
import type { IncomingMessage } from 'node:http';

import { Problem } from '../shared/problem.js';
import type { BodyLimits } from './contract.js';
import { parseForm } from './form.js';
import { parseJson } from './json.js';

/** What the contract says of an operation's body. */
export interface BodyRules {
  readonly takesBody: boolean;
  readonly takesForm?: boolean;
  readonly bodyLimits: BodyLimits;
}

/** What is read, and thrown away, of a body that has been refused, before the connection is cut. */
const MAX_DRAINED_BYTES = 1024 * 1024;

/**
 * Reads and parses the body, and reduces the request's `content-type` to what the validator may see.
 * Resolves undefined where there is no body. Throws Problem INVALID_REQUEST, PAYLOAD_TOO_LARGE or
 * UNSUPPORTED_MEDIA_TYPE. `signal` ends the wait for a body that does not come.
 */
export async function readBody(
  request: IncomingMessage,
  { takesBody, takesForm = false, bodyLimits, signal }: BodyRules & { readonly signal: AbortSignal },
): Promise<unknown> {
  const mediaType = request.headers['content-type'];
  delete request.headers['content-type'];
  if (takesBody) request.headers['content-type'] = 'application/json';
  const hasBody =
    request.headers['transfer-encoding'] !== undefined || Number(request.headers['content-length'] ?? 0) > 0;
  if (!hasBody) return undefined;
  if (!takesBody) throw new Problem('INVALID_REQUEST', 'this operation takes no request body');
  const parse = parserOf(mediaType, { encoding: request.headers['content-encoding'], takesForm });
  const bytes = await readBytes(request, bodyLimits.maxBytes, signal);
  // A chunked body may turn out to be empty.
  return bytes.length === 0 ? undefined : parse(bytes, bodyLimits.maxKeys);
}

const FORM = 'application/x-www-form-urlencoded';

/** What reads a body of that kind. */
function parserOf(
  mediaType: string | undefined,
  { encoding, takesForm }: { encoding: string | undefined; takesForm: boolean },
): (bytes: Uint8Array, maxKeys: number) => unknown {
  if (encoding !== undefined && encoding.toLowerCase() !== 'identity') {
    throw new Problem('UNSUPPORTED_MEDIA_TYPE', 'the request body must not be compressed');
  }
  const [type = '', ...parameters] = (mediaType ?? '').split(';').map((part) => part.trim().toLowerCase());
  const isForm = takesForm && type === FORM;
  if (type !== 'application/json' && !isForm) {
    const kinds = takesForm ? `\`application/json\` or \`${FORM}\`` : '`application/json`';
    throw new Problem('UNSUPPORTED_MEDIA_TYPE', `the request body must be ${kinds}`);
  }
  const charset = parameters.find((parameter) => parameter.startsWith('charset'));
  if (charset !== undefined && !/^charset=("utf-8"|utf-8)$/.test(charset)) {
    throw new Problem('UNSUPPORTED_MEDIA_TYPE', 'the request body must be in UTF-8');
  }
  return isForm ? parseForm : parseJson;
}

function readBytes(request: IncomingMessage, maxBytes: number, signal: AbortSignal): Promise<Buffer> {
  const tooLarge = new Problem('PAYLOAD_TOO_LARGE', `the request body is larger than ${maxBytes} bytes`);
  if (Number(request.headers['content-length'] ?? 0) > maxBytes) return Promise.reject(tooLarge);
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const settle = (finish: () => void): void => {
      request.off('data', onData).off('end', onEnd).off('error', onStop).off('close', onStop);
      signal.removeEventListener('abort', onStop);
      finish();
    };
    const onData = (chunk: Buffer): void => {
      size += chunk.length;
      if (size > maxBytes) settle(() => reject(tooLarge));
      else chunks.push(chunk);
    };
    const onEnd = (): void => settle(() => resolve(Buffer.concat(chunks)));
    const onStop = (): void =>
      settle(() => reject(new Problem('INVALID_REQUEST', 'the request body did not arrive in time')));
    request.on('data', onData).on('end', onEnd).on('error', onStop).on('close', onStop);
    signal.addEventListener('abort', onStop);
  });
}

/** Reads away the rest of a refused body, so that the answer reaches a caller who is still sending. */
export function drain(request: IncomingMessage): void {
  if (request.complete) return;
  let size = 0;
  request.on('data', (chunk: Buffer) => {
    size += chunk.length;
    if (size > MAX_DRAINED_BYTES) request.destroy();
  });
  request.on('error', () => undefined);
  request.resume();
}
