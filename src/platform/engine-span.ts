/**
 * The span of each request to the engine, by the stable HTTP conventions of OpenTelemetry.
 *
 * Its name and address hold the store's id and no other: which user or object is asked about stays in the body.
 */
import type { Trace, TracedCall } from '../shared/trace.js';
import type { EngineError } from '../shared/tuple.js';
import { statusOf } from './openfga-error.js';
import type { Tracing } from './tracing.js';

/** What a request carries besides its own headers. */
type TraceHeaders = Readonly<Record<string, string>>;

interface EngineRequest {
  readonly method: string;
  /** Of whoever it is made for. */
  readonly trace: Trace | undefined;
  /** What a failure means that is no answer of the engine's. */
  readonly kindOf: (error: unknown) => EngineError['kind'];
}

/** Sends one request as part of the trace that it is made for; with no headers where nobody traces. */
export type SendTraced = <T>(request: EngineRequest, send: (headers: TraceHeaders) => Promise<T>) => Promise<T>;

export interface EngineSpanOptions {
  readonly url: string;
  readonly storeId: string;
  /** Left out: what is made for no request is part of no trace. */
  readonly tracing?: Tracing;
}

const NONE: TraceHeaders = {};

export function createSendTraced({ url, storeId, tracing }: EngineSpanOptions): SendTraced {
  const { origin, hostname, port, protocol, pathname } = new URL(url);
  const store = `${origin}${pathname.replace(/\/+$/, '')}/stores/${storeId}`;
  const where = {
    'http.request.method': 'POST',
    'server.address': hostname,
    'server.port': Number(port === '' ? (protocol === 'https:' ? 443 : 80) : port),
  };
  return (request, send) => {
    const asked = request.method.replaceAll('_', '-');
    const call = (request.trace ?? tracing)?.startCall({
      name: `POST /stores/{store_id}/${asked}`,
      attributes: { ...where, 'url.full': `${store}/${asked}` },
    });
    return call === undefined ? send(NONE) : during(call, request, send);
  };
}

async function during<T>(
  call: TracedCall,
  { kindOf }: EngineRequest,
  send: (headers: TraceHeaders) => Promise<T>,
): Promise<T> {
  try {
    const answer = await call.run(() => send(call.headers));
    call.end({ status: 200 });
    return answer;
  } catch (error) {
    const status = statusOf(error);
    call.end({ status, failure: status === undefined ? kindOf(error) : String(status) });
    throw error;
  }
}
