/**
 * Where a request comes from, as far as it can be believed: the socket, or what a gateway says that proved to be the
 * operator's. Nobody else's `x-forwarded-…` counts, or a guesser would come from a new address each time.
 */
import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';

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
      address: (isGateway ? addressIn(last(headers['x-forwarded-for'])) : undefined) ?? socket.remoteAddress,
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

/**
 * The bare address in what some gateways write with the port of the connection, or in brackets. Undefined for what is
 * none: that is then counted where the gateway is, and not nowhere.
 */
function addressIn(text: string | undefined): string | undefined {
  const [, bracketed, withPort] = /^\[([^\]]+)\](?::\d{1,5})?$|^([\d.]+):\d{1,5}$/.exec(text ?? '') ?? [];
  const address = bracketed ?? withPort ?? text;
  return address !== undefined && isIP(address) !== 0 ? address : undefined;
}
