/**
 * The head of a request for the short road: the few headers that count, each given once, and nothing that asks for more.
 * One pass over the headers as they came; Node's own objects of them cost more than the rest of such a request.
 */

/** The trace that a request is part of, as it says (src/platform/trace-context.ts). */
export interface TracedHead {
  readonly traceparent: string | undefined;
  readonly tracestate: string | undefined;
}

/** A head without anything unusual in it. */
export interface Head extends TracedHead {
  readonly authorization: string | undefined;
  readonly userId: string | undefined;
  readonly tenantId: string | undefined;
  readonly gatewaySecret: string | undefined;
  /** Only where it may be used as it is. */
  readonly requestId: string | undefined;
  readonly timeoutMs: string | undefined;
  readonly bodyBytes: number;
}

type Values = Record<
  | 'authorization'
  | 'userId'
  | 'tenantId'
  | 'gatewaySecret'
  | 'requestId'
  | 'timeoutMs'
  | 'traceparent'
  | 'tracestate'
  | 'contentType'
  | 'contentLength',
  string | undefined
>;

/** The headers that are read, and what they are read into, by the length of the name. */
const READ_BY_LENGTH: readonly (readonly (readonly [name: string, field: keyof Values])[] | undefined)[] = byLength([
  ['authorization', 'authorization'],
  ['x-user-id', 'userId'],
  ['x-tenant-id', 'tenantId'],
  ['x-gateway-secret', 'gatewaySecret'],
  ['x-request-id', 'requestId'],
  ['timeout-ms', 'timeoutMs'],
  ['traceparent', 'traceparent'],
  ['tracestate', 'tracestate'],
  ['content-type', 'contentType'],
  ['content-length', 'contentLength'],
]);

function byLength<T>(fields: readonly (readonly [string, T])[]): (readonly (readonly [string, T])[] | undefined)[] {
  const longest = Math.max(...fields.map(([name]) => name.length));
  return Array.from({ length: longest + 1 }, (_, length) => {
    const found = fields.filter(([name]) => name.length === length);
    return found.length === 0 ? undefined : found;
  });
}

/** Where a header of that name belongs; a look into a map would have to hash every name of every request. */
function fieldOf(sent: string): keyof Values | undefined {
  const candidates = READ_BY_LENGTH[sent.length];
  if (candidates === undefined) return undefined;
  for (const [name, field] of candidates) if (sent === name) return field;
  const lower = sent.toLowerCase();
  for (const [name, field] of candidates) if (lower === name) return field;
  return undefined;
}

/** Headers of which a request without them differs in nothing that we do; any other `x-` may mean something to us. */
const MEANINGLESS = /^x-(forwarded-|real-ip$|b3-|amzn-|envoy-|cloud-trace-context$|request-start$)/;
const UNUSUAL = new Set(['transfer-encoding', 'content-encoding', 'expect', 'upgrade', 'if-match', 'idempotency-key']);
/** What nearly every request has. */
const USUAL = new Set(['host', 'Host', 'connection', 'Connection', 'user-agent', 'User-Agent', 'accept', 'Accept']);
const REQUEST_ID = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$/;
const JSON_TYPE = /^application\/json(; ?charset=utf-8)?$/i;

const isUnusual = (name: string): boolean => UNUSUAL.has(name) || (name.startsWith('x-') && !MEANINGLESS.test(name));

const isJson = (type: string): boolean => type === 'application/json' || JSON_TYPE.test(type);

/** Undefined: the head has something that the whole stack must see. */
export function readHead(rawHeaders: readonly string[]): Head | undefined {
  const values: Values = {
    authorization: undefined,
    userId: undefined,
    tenantId: undefined,
    gatewaySecret: undefined,
    requestId: undefined,
    timeoutMs: undefined,
    traceparent: undefined,
    tracestate: undefined,
    contentType: undefined,
    contentLength: undefined,
  };
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const sent = rawHeaders[at] ?? '';
    const field = fieldOf(sent);
    if (field !== undefined) {
      if (values[field] !== undefined) return undefined;
      values[field] = rawHeaders[at + 1];
    } else if (!USUAL.has(sent) && isUnusual(sent.toLowerCase())) return undefined;
  }
  const { contentType, requestId } = values;
  const bodyBytes = Number(values.contentLength);
  if (contentType === undefined || !isJson(contentType) || !(bodyBytes > 0)) return undefined;
  return {
    authorization: values.authorization,
    userId: values.userId,
    tenantId: values.tenantId,
    gatewaySecret: values.gatewaySecret,
    timeoutMs: values.timeoutMs,
    traceparent: values.traceparent,
    tracestate: values.tracestate,
    bodyBytes,
    requestId: requestId !== undefined && REQUEST_ID.test(requestId) ? requestId : undefined,
  };
}
