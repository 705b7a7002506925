/**
 * Whom the operator named trusted to say who the user is.
 *
 * Loopback is a statement about the socket and holds only for what was sent from this machine: a proxy in between (which
 * gives itself away by its headers) or a web page that reached us through a rebound host name is not this machine's
 * owner.
 */
import type { IncomingMessage } from 'node:http';

import { matchesHash } from '../platform/service-key.js';
import { Problem } from '../shared/problem.js';

export interface TrustedCallers {
  /** Whether programs on this machine are trusted. */
  readonly loopback: boolean;
  /** SHA-256 of the secret that a trusted gateway sends as `x-gateway-secret`; undefined: there is none. */
  readonly gatewaySecretSha256: Uint8Array | undefined;
}

const LOOPBACK_ADDRESS = /^(::ffff:)?127(\.\d{1,3}){3}$|^::1$/;
const LOOPBACK_HOST = /^(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d{1,5})?$/i;
const FORWARDED_HEADERS = ['forwarded', 'via', 'x-real-ip', 'x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto'];

/** Whether identity headers on this request are to be believed. Throws UNAUTHENTICATED for a wrong gateway secret. */
export function isTrusted(
  request: IncomingMessage,
  { trusted, gatewaySecret }: { trusted: TrustedCallers; gatewaySecret: string | undefined },
): boolean {
  if (gatewaySecret !== undefined && trusted.gatewaySecretSha256 !== undefined) {
    if (matchesHash(gatewaySecret, trusted.gatewaySecretSha256)) return true;
    throw new Problem('UNAUTHENTICATED', '`x-gateway-secret` is not the one of the trusted gateway');
  }
  return trusted.loopback && isFromThisMachine(request);
}

function isFromThisMachine({ socket, headers }: IncomingMessage): boolean {
  return (
    LOOPBACK_ADDRESS.test(socket.remoteAddress ?? '') &&
    LOOPBACK_HOST.test(headers.host ?? '') &&
    !FORWARDED_HEADERS.some((name) => headers[name] !== undefined)
  );
}
