import { afterAll, beforeAll, expect, test } from 'vitest';

import { createMetrics } from '../../src/platform/metrics.js';
import { createTokenVerifier } from '../../src/platform/jwt.js';
import { assemble, type Json, type KeyServer, newKey, serving, signer, startKeyServer } from '../support/tokens.js';

const ISSUER = 'https://issuer.example';
const NOW = new Date('2026-11-21T12:00:00Z');
const SECONDS = NOW.getTime() / 1000;
const HEADER: Json = { alg: 'ES256', typ: 'JWT', kid: 'es-1' };
const CLAIMS: Json = { iss: ISSUER, aud: 'bailiwick', sub: 'ada', tenant_id: 't1', iat: SECONDS, exp: SECONDS + 600 };

const es = newKey('ES256', 'es-1');
const other = newKey('ES256', 'es-1');

const token = (header: Json = {}, claims: Json = {}): string =>
  assemble({ ...HEADER, ...header }, { ...CLAIMS, ...claims }, signer(es));

let server: KeyServer;
let elsewhere: KeyServer;
let now: Date;
let failures: unknown[];

beforeAll(async () => {
  server = await startKeyServer(serving(es.jwk));
  elsewhere = await startKeyServer(serving(es.jwk));
});
afterAll(async () => {
  await server.stop();
  await elsewhere.stop();
});

/** A verifier that knows nothing yet, by a clock that the test moves. */
function fresh(answer: KeyServer['answer'], uri = server.uri) {
  server.answer = answer;
  server.hits = elsewhere.hits = 0;
  now = NOW;
  failures = [];
  return createTokenVerifier([{ issuer: ISSUER, audience: 'bailiwick', algorithms: ['ES256'], jwksUri: uri }], {
    now: () => now,
    onKeyFailure: (_issuer, error) => failures.push(error),
  });
}
const later = (seconds: number): void => void (now = new Date(now.getTime() + seconds * 1000));
const lasting = (kid = 'es-1', key = es): string =>
  assemble({ ...HEADER, kid }, { ...CLAIMS, exp: SECONDS + 86_400 }, signer(key));
const BELIEVED = { subject: 'ada', tenantId: 't1' };

test('are fetched once for any number of tokens', async () => {
  const verifyToken = fresh(serving(es.jwk));
  await Promise.all(Array.from({ length: 50 }, () => verifyToken(lasting())));
  expect(await verifyToken(lasting())).toMatchObject(BELIEVED);
  expect(server.hits).toBe(1);
});

test('unknown key ids, 10,000 of them, are worth one fetch a cooldown', async () => {
  const verifyToken = fresh(serving(es.jwk));
  await verifyToken(lasting());
  const [, payload, signature] = lasting().split('.');
  later(31);
  let refused = 0;
  for (let at = 0; at < 10_000; at += 1) {
    const header = Buffer.from(JSON.stringify({ ...HEADER, kid: `made-up-${at}` })).toString('base64url');
    await verifyToken(`${header}.${payload ?? ''}.${signature ?? ''}`).catch(() => (refused += 1));
  }
  expect(refused).toBe(10_000);
  expect(server.hits).toBe(2);
}, 30_000);

test('a rotation is picked up when the cooldown has passed', async () => {
  const next = newKey('ES256', 'es-2');
  const verifyToken = fresh(serving(es.jwk));
  await verifyToken(lasting());
  server.answer = serving(next.jwk);
  later(10);
  await expect(verifyToken(lasting('es-2', next))).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
  later(21);
  expect(await verifyToken(lasting('es-2', next))).toMatchObject(BELIEVED);
  await expect(verifyToken(lasting())).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
});

test('what was verified stands until the keys are others, and asks for them when they are old', async () => {
  const verifyToken = fresh(serving(es.jwk));
  await verifyToken(lasting());
  const { keysStand, acceptedUntil } = await verifyToken(lasting());
  expect(acceptedUntil).toBe((SECONDS + 86_430) * 1_000);
  later(601);
  expect(keysStand()).toBe(true);
  await expect.poll(() => server.hits).toBe(2);
  expect(keysStand()).toBe(true);
  server.answer = serving(newKey('ES256', 'es-2').jwk);
  later(601);
  expect(keysStand()).toBe(true);
  await expect.poll(() => keysStand()).toBe(false);
});

test('keys that come while a token is verified are not those that it stands by', async () => {
  const verifyToken = fresh(serving(es.jwk));
  const { keysStand } = await verifyToken(lasting());
  expect(server.hits).toBe(1);
  expect(keysStand()).toBe(false);
});

test('the last good keys outlive an outage of 30 minutes, which is told', async () => {
  const verifyToken = fresh(serving(es.jwk));
  await verifyToken(lasting());
  server.answer = (_request, response) => response.writeHead(500).end();
  for (let minute = 0; minute < 30; minute += 1) {
    later(60);
    expect(await verifyToken(lasting())).toMatchObject(BELIEVED);
  }
  await expect.poll(() => failures.length).toBeGreaterThanOrEqual(1);
  expect(server.hits).toBeGreaterThan(1);
  server.answer = serving(es.jwk);
  later(31);
  expect(await verifyToken(lasting())).toMatchObject(BELIEVED);
});

test('a good answer without usable keys does not replace those at hand', async () => {
  const verifyToken = fresh(serving(es.jwk));
  await verifyToken(lasting());
  server.answer = serving();
  later(601);
  await verifyToken(lasting());
  await expect.poll(() => failures.length).toBe(1);
  expect(await verifyToken(lasting())).toMatchObject(BELIEVED);
});

test('an issuer that was never reached is ISSUER_UNAVAILABLE, and is not hammered', async () => {
  const verifyToken = fresh((_request, response) => response.writeHead(503).end());
  for (let count = 0; count < 20; count += 1) {
    await expect(verifyToken(lasting())).rejects.toMatchObject({ code: 'ISSUER_UNAVAILABLE', retryAfterSeconds: 1 });
  }
  expect(server.hits).toBe(1);
  server.answer = serving(es.jwk);
  later(2);
  expect(await verifyToken(lasting())).toMatchObject(BELIEVED);
});

test('a bad token of an issuer that was never reached is still a bad token', async () => {
  const verifyToken = fresh((_request, response) => response.writeHead(503).end());
  await expect(verifyToken(token({ alg: 'none' }))).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
  await expect(verifyToken(token({}, { iss: 'https://evil.example' }))).rejects.toMatchObject({
    code: 'UNAUTHENTICATED',
  });
  expect(server.hits).toBe(0);
});

const endless: KeyServer['answer'] = (_request, response) => {
  const chunk = Buffer.alloc(16 * 1024, ' ');
  const pour = (): void => {
    while (!response.destroyed && response.write(chunk));
  };
  response.on('drain', pour).on('error', () => undefined);
  pour();
};

test.each<[string, KeyServer['answer']]>([
  ['a redirect', (_request, response) => response.writeHead(302, { location: elsewhere.uri }).end()],
  ['a body without an end', endless],
  ['65 KiB', (_request, response) => response.end(JSON.stringify({ keys: [es.jwk], pad: 'x'.repeat(65 * 1024) }))],
  ['no JSON', (_request, response) => response.end('<html>')],
  ['no keys', serving()],
  ['keys that are no list', (_request, response) => response.end('{"keys":{"0":{}}}')],
  ['null', (_request, response) => response.end('null')],
  ['101 keys', serving(...Array.from({ length: 101 }, () => es.jwk))],
  ['a symmetric key', serving({ kty: 'oct', k: 'c2VjcmV0', kid: 'es-1', alg: 'HS256' })],
  ['the private key', serving({ ...es.privateKey.export({ format: 'jwk' }), kid: 'es-1' })],
  ['a hang-up', (request) => request.socket.destroy()],
  ['404', (_request, response) => response.writeHead(404).end()],
])('%s is no set of keys', async (_name, answer) => {
  const verifyToken = fresh(answer);
  await expect(verifyToken(lasting())).rejects.toMatchObject({ code: 'ISSUER_UNAVAILABLE' });
  expect(failures).toHaveLength(1);
  expect(elsewhere.hits).toBe(0);
});

test('an answer that does not come is given up after two seconds', async () => {
  const verifyToken = fresh((_request, response) => void response.write(' '));
  const startedAt = performance.now();
  await expect(verifyToken(lasting())).rejects.toMatchObject({ code: 'ISSUER_UNAVAILABLE' });
  expect(performance.now() - startedAt).toBeLessThan(3_000);
});

test('https is not talked to in clear', async () => {
  const verifyToken = fresh(serving(es.jwk), server.uri.replace('http:', 'https:'));
  await expect(verifyToken(lasting())).rejects.toMatchObject({ code: 'ISSUER_UNAVAILABLE' });
  expect(server.hits).toBe(0);
});

test('two keys of one id are no answer to which', async () => {
  const verifyToken = fresh(serving(es.jwk, other.jwk));
  await expect(verifyToken(lasting())).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
});

test('addresses inside a token are never visited', async () => {
  const verifyToken = fresh(serving(es.jwk));
  for (const name of ['jku', 'x5u']) {
    await expect(verifyToken(token({ [name]: elsewhere.uri }))).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
  }
  expect(elsewhere.hits).toBe(0);
});

test('their age is told, and a scrape has old ones fetched again, whoever asks for nothing', async () => {
  fresh(serving(es.jwk));
  const metrics = createMetrics();
  const verifyToken = createTokenVerifier(
    [{ issuer: ISSUER, audience: 'bailiwick', algorithms: ['ES256'], jwksUri: server.uri }],
    { now: () => now, metrics },
  );
  const age = async (): Promise<string | undefined> =>
    /^bailiwick_jwks_age_seconds\{issuer="https:\/\/issuer.example"\} (\S+)$/m.exec((await metrics.render()).body)?.[1];
  expect(await age()).toBeUndefined();
  await verifyToken(lasting());
  later(599);
  expect(await age()).toBe('599');
  server.answer = (_request, response) => response.writeHead(500).end();
  later(60);
  expect(await age()).toBe('659');
  await expect.poll(() => server.hits).toBe(2);
  later(31);
  server.answer = serving(es.jwk);
  expect(await age()).toBe('690');
  await expect.poll(age).toBe('0');
});
