import type { IncomingMessage } from 'node:http';
import { expect, test } from 'vitest';

import { createClientReader } from '../../src/http/client.js';
import { sha256 } from '../../src/platform/service-key.js';

const SECRET = 'a secret of the gateway';
const read = createClientReader(sha256(SECRET));

/** The address that is read where the gateway, at 10.0.0.1, says so. */
function addressOf(forwardedFor: string, secret = SECRET): string | undefined {
  const headers = { 'x-gateway-secret': secret, 'x-forwarded-for': forwardedFor };
  // What the reader looks at of a request: sockets of other machines cannot be had here.
  return read({ socket: { remoteAddress: '10.0.0.1' }, headers } as unknown as IncomingMessage).address;
}

test.each([
  ['203.0.113.7', '203.0.113.7'],
  ['198.51.100.1, 203.0.113.7', '203.0.113.7'],
  ['203.0.113.7:51234', '203.0.113.7'],
  ['2001:db8::1', '2001:db8::1'],
  ['[2001:db8::1]', '2001:db8::1'],
  ['[2001:db8::1]:443', '2001:db8::1'],
  ['::ffff:203.0.113.7', '::ffff:203.0.113.7'],
  ['fe80::1%eth0', 'fe80::1%eth0'],
])('%s is %s', (forwardedFor, address) => {
  expect(addressOf(forwardedFor)).toBe(address);
});

test.each([
  '',
  'unknown',
  '_hidden',
  '203.0.113.7:',
  '203.0.113.7:x',
  '203.0.113',
  '[203.0.113.7]x',
  '203.0.113.7,',
  '[]',
])('what is no address (%j) is where the gateway itself is', (forwardedFor) => {
  expect(addressOf(forwardedFor)).toBe('10.0.0.1');
});

test('nobody but the gateway is believed', () => {
  expect(addressOf('203.0.113.7', 'another secret')).toBe('10.0.0.1');
});
