import type { IncomingMessage } from 'node:http';
import { expect, test } from 'vitest';

import { isTrusted } from '../../src/http/trusted-caller.js';

const trusted = { loopback: true, gatewaySecretSha256: undefined };

test.each([
  ['127.0.0.1', true],
  ['127.8.9.1', true],
  ['::1', true],
  ['::ffff:127.0.0.1', true],
  ['10.0.0.1', false],
  ['::ffff:10.0.0.1', false],
  ['128.0.0.1', false],
  ['1.127.0.0.1', false],
  ['fe80::1', false],
  ['::127.0.0.1', false],
  [undefined, false],
])('a socket of %s is loopback: %s', (remoteAddress, expected) => {
  // What isTrusted reads of a request: sockets of other machines cannot be had here.
  const request = { socket: { remoteAddress }, headers: { host: 'localhost' } } as unknown as IncomingMessage;
  expect(isTrusted(request, { trusted, gatewaySecret: undefined })).toBe(expected);
});
