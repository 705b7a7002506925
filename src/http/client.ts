/**
 * Where a request comes from, as far as it can be believed: the socket, or what a gateway says that proved to be the
 * operator's. Nobody else's `x-forwarded-…` counts, or a guesser would come from a new address each time.
 */
import type { IncomingMessage } from 'node:http';

import { matchesHash } from '../platform/service-key.js';
import type { RequestClient } from '../shared/operation.js';

/** `gatewaySecretSha256` undefined: there is no gateway. */
export function createClientReader(
  gatewaySecretSha256: Uint8Array | undefined,
): (request: IncomingMessage) => RequestClient {
  return ({ headers, socket }) => {
    const secret = headers['x-gateway-secret'];
    const isGateway =
      typeof secret === 'string' && gatewaySecretSha256 !== undefined && matchesHash(secret, gatewaySecretSha256);
    return {
      address: (isGateway ? last(headers['x-forwarded-for']) : undefined) ?? socket.remoteAddress,
      host: (isGateway ? last(headers['x-forwarded-host']) : undefined) ?? headers.host,
    };
  };
}

/** The last of a list is what the gateway itself has seen; the others are hearsay. */
function last(header: string | string[] | undefined): string | undefined {
  const text = Array.isArray(header) ? header.join(',') : header;
  const value = text?.split(',').at(-1)?.trim();
  return value === '' ? undefined : value;
}
