/**
 * The lean way to the engine, for the two calls that a decision waits for: one request on a connection that stays open.
 *
 * The SDK builds several objects, interceptors and copies around each call, which cost more than the question itself
 * (`npm run bench -- checks`, its cold part). Everything that is rare goes by the SDK. No redirect is followed, and no
 * proxy of the environment is asked: a question goes where the operator said, or nowhere.
 */
import { Agent as HttpAgent, request as httpRequest } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';

/** What the engine answered where it was not 200. */
export class EngineRefusal extends Error {
  readonly status: number;
  readonly code: string | undefined;

  constructor(status: number, body: unknown) {
    const told: Record<string, unknown> = typeof body === 'object' && body !== null ? { ...body } : {};
    super(typeof told['message'] === 'string' ? told['message'] : 'no reason was given');
    this.name = 'EngineRefusal';
    this.status = status;
    this.code = typeof told['code'] === 'string' ? told['code'] : undefined;
  }
}

export interface EngineHttp {
  /**
   * Resolves to the body of a 200. Rejects with an EngineRefusal where the engine answered something else, and with
   * what Node says where it did not answer.
   */
  post(path: string, body: object, signal: AbortSignal): Promise<object>;
}

/** More than are ever under way at one time (src/platform/openfga.ts). */
const CONNECTIONS = { keepAlive: true, maxSockets: 64, maxFreeSockets: 32 };

/** Nothing is connected yet. */
export function createEngineHttp({ url, apiToken }: { url: string; apiToken?: string | undefined }): EngineHttp {
  const { protocol, hostname, port, pathname } = new URL(url);
  const isSecure = protocol === 'https:';
  const agent = isSecure ? new HttpsAgent(CONNECTIONS) : new HttpAgent(CONNECTIONS);
  const send = isSecure ? httpsRequest : httpRequest;
  const prefix = pathname.replace(/\/+$/, '');
  const where = { agent, hostname: hostname.replace(/^\[(.*)\]$/, '$1'), port, method: 'POST' };
  const always = {
    'content-type': 'application/json',
    accept: 'application/json',
    ...(apiToken === undefined ? {} : { authorization: `Bearer ${apiToken}` }),
  };
  return {
    post: (path, body, signal) =>
      new Promise((resolve, reject) => {
        const text = JSON.stringify(body);
        const headers = { ...always, 'content-length': Buffer.byteLength(text) };
        const sending = send({ ...where, path: prefix + path, headers }, (answer) => {
          read(answer, { resolve, reject });
        });
        // `signal` of Node's own options costs a listener of several kinds; this is all that is meant.
        const stop = (): void => void sending.destroy(new Error('given up'));
        signal.addEventListener('abort', stop, { once: true });
        sending.once('close', () => {
          signal.removeEventListener('abort', stop);
          // After an answer or an error this says nothing new.
          reject(new Error('the connection ended before the answer'));
        });
        sending.once('error', reject);
        sending.end(text);
      }),
  };
}

function read(
  answer: IncomingMessage,
  { resolve, reject }: { resolve: (body: object) => void; reject: (error: unknown) => void },
): void {
  let text = '';
  answer.setEncoding('utf8');
  answer.on('data', (piece: string) => (text += piece));
  answer.once('error', reject);
  answer.once('end', () => {
    const body = parsed(text);
    if (answer.statusCode === 200 && typeof body === 'object' && body !== null) resolve(body);
    else reject(new EngineRefusal(answer.statusCode === 200 ? 502 : (answer.statusCode ?? 0), body));
  });
}

/** Undefined: it is not JSON. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
