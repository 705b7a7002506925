/**
 * The head of a request for the short road: the few headers that count, each given once, and nothing that asks for more.
 * One pass over the headers as they came; Node's own objects of them cost more than the rest of such a request.
 */

/** A head without anything unusual in it. */
export interface Head {
  readonly authorization: string | undefined;
  readonly userId: string | undefined;
  readonly tenantId: string | undefined;
  readonly gatewaySecret: string | undefined;
  /** Only where it may be used as it is. */
  readonly requestId: string | undefined;
  readonly timeoutMs: string | undefined;
  readonly bodyBytes: number;
}

/** The headers that are read, by the name that they are read into. */
const READ = new Map<string, keyof Values>([
  ['authorization', 'authorization'],
  ['x-user-id', 'userId'],
  ['x-tenant-id', 'tenantId'],
  ['x-gateway-secret', 'gatewaySecret'],
  ['x-request-id', 'requestId'],
  ['timeout-ms', 'timeoutMs'],
  ['content-type', 'contentType'],
  ['content-length', 'contentLength'],
]);
type Values = Record<
  | 'authorization'
  | 'userId'
  | 'tenantId'
  | 'gatewaySecret'
  | 'requestId'
  | 'timeoutMs'
  | 'contentType'
  | 'contentLength',
  string | undefined
>;

/** Headers of which a request without them differs in nothing that we do; any other `x-` may mean something to us. */
const MEANINGLESS = /^x-(forwarded-|real-ip$|b3-|amzn-|envoy-|cloud-trace-context$|request-start$)/;
const UNUSUAL = new Set(['transfer-encoding', 'content-encoding', 'expect', 'upgrade', 'if-match', 'idempotency-key']);
const REQUEST_ID = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$/;
const JSON_TYPE = /^application\/json(; ?charset=utf-8)?$/i;

const isUnusual = (name: string): boolean => UNUSUAL.has(name) || (name.startsWith('x-') && !MEANINGLESS.test(name));

/** Undefined: the head has something that the whole stack must see. */
export function readHead(rawHeaders: readonly string[]): Head | undefined {
  const values: Values = {
    authorization: undefined,
    userId: undefined,
    tenantId: undefined,
    gatewaySecret: undefined,
    requestId: undefined,
    timeoutMs: undefined,
    contentType: undefined,
    contentLength: undefined,
  };
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const sent = rawHeaders[at] ?? '';
    const field = READ.get(sent) ?? READ.get(sent.toLowerCase());
    if (field !== undefined) {
      if (values[field] !== undefined) return undefined;
      values[field] = rawHeaders[at + 1];
    } else if (isUnusual(sent.toLowerCase())) return undefined;
  }
  const { contentType, contentLength, requestId, ...head } = values;
  const bodyBytes = Number(contentLength);
  if (contentType === undefined || !JSON_TYPE.test(contentType) || !(bodyBytes > 0)) return undefined;
  return {
    ...head,
    bodyBytes,
    requestId: requestId !== undefined && REQUEST_ID.test(requestId) ? requestId : undefined,
  };
}
