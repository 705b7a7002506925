/**
 * The lean way to the engine, for the two calls that a decision waits for: one request on a connection that stays open.
 *
 * The SDK builds several objects, interceptors and copies around each call, which cost more than the question itself
 * (`npm run bench -- checks`, its cold part). Everything that is rare goes by the SDK, over TLS with the same agent. No
 * redirect is followed, and no proxy of the environment is asked: a question goes where the operator said, or nowhere.
 *
 * INVARIANT: over https whoever answers is verified, authority and name, whatever NODE_TLS_REJECT_UNAUTHORIZED says.
 * tests/integration/tls-engine.test.ts.
 */
import { Agent as HttpAgent, request as httpRequest } from 'node:http';
import type { IncomingMessage, RequestOptions } from 'node:http';
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

/** Where the engine is and, where it asks for one, its preshared key. */
export interface EngineAddress {
  /** E.g. `http://127.0.0.1:8080`. */
  readonly url: string;
  readonly apiToken?: string | undefined;
  /** Whoever signs its certificate, PEM; undefined: Node's own authorities. */
  readonly ca?: string | undefined;
}

export interface EngineHttpOptions {
  readonly signal: AbortSignal;
  /** Besides those that every request has. */
  readonly headers?: Readonly<Record<string, string>>;
}

/**
 * Both resolve to the body of a 200. They reject with an EngineRefusal where the engine answered something else, and
 * with what Node says where it did not answer.
 */
export interface EngineHttp {
  post(path: string, body: object, how: EngineHttpOptions): Promise<object>;
  get(path: string, how: EngineHttpOptions): Promise<object>;
}

/** More than are ever under way at one time (src/platform/openfga.ts). */
const CONNECTIONS = { keepAlive: true, maxSockets: 64, maxFreeSockets: 32 };

/** Connections over TLS, to whom the authority vouches for and nobody else. */
export function createEngineAgent(ca: string | undefined): HttpsAgent {
  return new HttpsAgent({ ...CONNECTIONS, rejectUnauthorized: true, ...(ca === undefined ? {} : { ca }) });
}

/** Nothing is connected yet. */
export function createEngineHttp({ url, apiToken, ca }: EngineAddress): EngineHttp {
  const { protocol, hostname, port, pathname } = new URL(url);
  const isSecure = protocol === 'https:';
  const agent = isSecure ? createEngineAgent(ca) : new HttpAgent(CONNECTIONS);
  const send = isSecure ? httpsRequest : httpRequest;
  const prefix = pathname.replace(/\/+$/, '');
  const where = { agent, hostname: hostname.replace(/^\[(.*)\]$/, '$1'), port };
  const always = {
    accept: 'application/json',
    ...(apiToken === undefined ? {} : { authorization: `Bearer ${apiToken}` }),
  };
  const exchange = (what: RequestOptions, text: string, signal: AbortSignal): Promise<object> =>
    new Promise((resolve, reject) => {
      const sending = send({ ...where, ...what }, (answer) => {
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
    });
  return {
    post(path, body, { signal, headers: more }) {
      const text = JSON.stringify(body);
      const ofBody = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) };
      return exchange(
        { method: 'POST', path: prefix + path, headers: { ...always, ...ofBody, ...more } },
        text,
        signal,
      );
    },
    get: (path, { signal, headers: more }) =>
      exchange({ method: 'GET', path: prefix + path, headers: { ...always, ...more } }, '', signal),
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
