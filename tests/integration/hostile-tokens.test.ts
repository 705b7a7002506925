/** Hostile tokens against the running service: each is a 401 that says nothing, none is a failure of ours. */
import { createPublicKey, KeyObject } from 'node:crypto';
import type { JsonWebKey } from 'node:crypto';

import { afterAll, beforeAll, expect, test } from 'vitest';

import { openSigningKey } from '../../src/platform/signing-key.js';
import { listSigningKeys } from '../../src/signin/signing-key-store.js';
import { SIGN_IN, startService } from '../support/service.js';
import type { RunningService } from '../support/service.js';
import { addPerson, claimsOf, emailOf, getMe, tokenOf } from '../support/sign-in-world.js';
import { assemble, hmac, newKey, serving, signer, startKeyServer } from '../support/tokens.js';
import type { Json, KeyServer, SigningKey } from '../support/tokens.js';
import { createWorld } from '../support/world.js';
import type { World } from '../support/world.js';

let world: World;
let service: RunningService;
let elsewhere: KeyServer;
/** The service's own key: what a token that is bad in one way alone must be signed with. */
let own: SigningKey;
let header: Json;
let claims: Json;

const foreign = newKey('ES256', 'foreign');
const rsa = newKey('RS256', 'rsa');

beforeAll(async () => {
  world = await createWorld();
  await world.addTenant('t1', 'rcm');
  await world.addTenant('t2', 'rcm');
  await addPerson(world, { tenantId: 't1', userId: 'ada', roles: ['TENANT_ADMIN'] });
  await addPerson(world, { tenantId: 't2', userId: 'eve', roles: ['TENANT_ADMIN'] });
  service = await startService(world);
  elsewhere = await startKeyServer(serving(foreign.jwk));
  const token = await tokenOf(service, { tenant: 't1', email: emailOf('ada') });
  claims = claimsOf(token);
  header = JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString()) as Json;
  own = await takeOwnKey();
});
afterAll(async () => {
  await service.stop();
  await elsewhere.stop();
  await world.end();
});

async function takeOwnKey(): Promise<SigningKey> {
  const settings = { 'bailiwick.platform': 'on' };
  const [stored] = await world.pool('bailiwick_service').transaction(listSigningKeys, { settings });
  if (stored === undefined) throw new Error('the service has no key');
  const opened = await openSigningKey(stored, SIGN_IN.signingSecret);
  if (opened === undefined) throw new Error('the key does not open');
  const privateKey = KeyObject.from(opened);
  const publicKey = createPublicKey({ key: stored.publicJwk as JsonWebKey, format: 'jwk' });
  return { alg: 'ES256', privateKey, publicKey, jwk: stored.publicJwk };
}

/** A token of ours but for these changes, well signed. */
const ours = (changedHeader: Json = {}, changedClaims: Json = {}): string =>
  assemble({ ...header, ...changedHeader }, { ...claims, ...changedClaims }, signer(own));
const seconds = (): number => Math.floor(Date.now() / 1000);
const part = (text: string, index: number): string => text.split('.')[index] ?? '';

/** Each vector is made when it is needed: the service's key is not there before. */
const vectors: Record<string, () => string> = {
  // Algorithms, and keys taken for what they are not.
  ...Object.fromEntries(
    ['none', 'NoNe', '', 'HS256', 'HS512', 'RS256', 'PS256', 'ES384', 'ES512', 'EdDSA', 'es256', 'ES256K', 'dir'].map(
      (alg) => [`alg ${JSON.stringify(alg)}`, () => ours({ alg })],
    ),
  ),
  ...Object.fromEntries(
    [null, 7, true, {}, ['ES256'], ['none']].map((alg) => [`alg ${JSON.stringify(alg)}`, () => ours({ alg })]),
  ),
  'unsecured': () => assemble({ alg: 'none' }, claims, () => ''),
  'without its signature': () => `${part(ours(), 0)}.${part(ours(), 1)}.`,
  'HS256 by our public key as PEM': () =>
    assemble({ ...header, alg: 'HS256' }, claims, hmac(own.publicKey.export({ type: 'spki', format: 'pem' }))),
  'HS256 by our public key as JWK': () => assemble({ ...header, alg: 'HS256' }, claims, hmac(JSON.stringify(own.jwk))),
  'HS256 by our public key as it is published': () => assemble({ ...header, alg: 'HS256' }, claims, hmac(own.jwk.x ?? '')),
  'HS256 by nothing': () => assemble({ ...header, alg: 'HS256' }, claims, hmac('')),
  'RS256 of a key of its own': () => assemble({ ...header, alg: 'RS256' }, claims, signer(rsa)),
  'r and s zero': () => assemble(header, claims, () => Buffer.alloc(64)),
  'r and s the order of the curve': () => assemble(header, claims, () => Buffer.from('ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551'.repeat(2), 'hex')),
  'a signature of one byte': () => assemble(header, claims, () => Buffer.alloc(1)),
  'a signature of 4,000 bytes': () => assemble(header, claims, () => Buffer.alloc(4_000)),
  'signed by another key': () => assemble(header, claims, signer(foreign)),
  'a claim changed after it was signed': () => `${part(ours(), 0)}.${part(ours({}, { sub: 'eve' }), 1)}.${part(ours(), 2)}`,
  // Keys of the token's own choosing.
  'its own jwk': () => assemble({ ...header, kid: 'mine', jwk: foreign.jwk }, claims, signer(foreign)),
  'its own jku': () => assemble({ ...header, kid: 'foreign', jku: elsewhere.uri }, claims, signer(foreign)),
  'its own x5u': () => assemble({ ...header, kid: 'foreign', x5u: elsewhere.uri }, claims, signer(foreign)),
  'its own x5c': () => ours({ x5c: ['MIIB'] }),
  'a jku beside a good signature': () => ours({ jku: elsewhere.uri }),
  ...Object.fromEntries(
    ['../../dev/null', `' or 1=1 --`, 'x'.repeat(3_000), 'a\0b', '__proto__', 'constructor', '', '*', 'foreign'].map((kid) => [
      `kid ${JSON.stringify(kid).slice(0, 24)}`,
      () => ours({ kid }),
    ]),
  ),
  ...Object.fromEntries([null, 7, {}, ['x']].map((kid) => [`kid ${JSON.stringify(kid)}`, () => ours({ kid })])),
  // Claims.
  ...Object.fromEntries(
    ['iss', 'aud', 'exp', 'sub', 'iat', 'jti', 'sid'].flatMap((claim) =>
      [undefined, null, '', {}, []].map((value) => [
        `${claim} ${value === undefined ? 'missing' : JSON.stringify(value)}`,
        () => ours({}, { [claim]: value }),
      ]),
    ),
  ),
  'iss of another': () => ours({}, { iss: 'https://elsewhere.example' }),
  'iss with a slash': () => ours({}, { iss: `${String(claims['iss'])}/` }),
  'aud of another': () => ours({}, { aud: 'another' }),
  'aud list of others': () => ours({}, { aud: ['another', 'third'] }),
  'expired': () => ours({}, { exp: seconds() - 31 }),
  'exp as text': () => ours({}, { exp: String(seconds() + 600) }),
  'exp without end': () => ours({}, { exp: 1e308 }),
  'exp negative': () => ours({}, { exp: -1 }),
  'nbf to come': () => ours({}, { nbf: seconds() + 60 }),
  'nbf as text': () => ours({}, { nbf: '0' }),
  'iat to come': () => ours({}, { iat: seconds() + 60 }),
  // Sessions, tenants and actors.
  'a session that never was': () => ours({}, { sid: 'f'.repeat(32) }),
  'a session with SQL in it': () => ours({}, { sid: `' or 1=1 --` }),
  'the session of another user': () => ours({}, { sub: 'eve' }),
  'a foreign tenant': () => ours({}, { tenant_id: 't2' }),
  'a tenant that is not': () => ours({}, { tenant_id: 't9' }),
  'no tenant': () => ours({}, { tenant_id: undefined }),
  'the platform for a tenant': () => ours({}, { tenant_id: ':platform' }),
  'act of another': () => ours({}, { act: { sub: 'eve', impersonation_id: 'i1' } }),
  'act without an impersonation': () => ours({}, { act: { sub: 'ada' } }),
  'act of an impersonation that is not': () => ours({}, { act: { sub: 'ada', impersonation_id: 'i1' } }),
  'act nested': () => ours({}, { act: { sub: 'ada', impersonation_id: 'i1', act: { sub: 'root' } } }),
  'act a text': () => ours({}, { act: 'ada' }),
  'act null': () => ours({}, { act: null }),
  'act a list': () => ours({}, { act: [{ sub: 'ada' }] }),
  // Forms.
  'an id token': () => ours({}, { at_hash: 'x' }),
  'a refresh token': () => ours({}, { typ: 'Refresh' }),
  'typ of an id token': () => ours({ typ: 'id+jwt' }),
  'typ a list': () => ours({ typ: ['at+jwt'] }),
  'crit': () => ours({ crit: ['exp'] }),
  'b64 false': () => ours({ crit: ['b64'], b64: false }),
  'zip': () => ours({ zip: 'DEF' }),
  'nested': () => assemble({ ...header, cty: 'JWT' }, ours(), signer(own)),
  'a JWE': () => 'eyJhbGciOiJkaXIiLCJlbmMiOiJBMTI4R0NNIn0..aaaa.bbbb.cccc',
  '700 claims': () => ours({}, Object.fromEntries(Array.from({ length: 700 }, (_, at) => [`c${at}`, at]))),
  'duplicate claims': () => assemble(header, `{"sub":"eve",${JSON.stringify({ ...claims, sub: undefined }).slice(1, -1)},"sub":"eve"}`, signer(own)),
  '`__proto__` for claims': () => assemble(header, JSON.stringify({ x: 1 }).replace('"x":1', `"__proto__":${JSON.stringify(claims)}`), signer(own)),
  'two parts': () => `${part(ours(), 0)}.${part(ours(), 1)}`,
  'four parts': () => `${ours()}.${part(ours(), 2)}`,
  'dots alone': () => '..',
  'padding': () => `${ours()}==`,
  'a header that is a list': () => assemble('["ES256"]', claims, signer(own)),
  'a payload that is null': () => assemble(header, 'null', signer(own)),
  'a payload that is no JSON': () => assemble(header, 'ada', signer(own)),
}; // prettier-ignore

test('there are enough of them, and the one without a fault is taken', async () => {
  expect(Object.keys(vectors).length).toBeGreaterThanOrEqual(80);
  expect((await getMe(service, ours())).status).toBe(200);
  expect((await getMe(service, ours({ typ: 'JWT' }))).status).toBe(200);
});

test.each(Object.keys(vectors))('refused: %s', async (name) => {
  const token = vectors[name]?.() ?? '';
  for (const answer of [
    await getMe(service, token),
    await service.check({ user: 'ada', permission: 'users.read', tenant: 't1' }, { as: { key: token } }),
  ]) {
    expect(answer.status).toBe(401);
    expect(answer.headers['content-type']).toContain('application/problem+json');
    expect(answer.body.code).toBe('UNAUTHENTICATED');
    const said = JSON.stringify(answer.body);
    for (const piece of token.split('.').filter(({ length }) => length > 8)) expect(said).not.toContain(piece);
  }
});

test('nobody went to where a token pointed, and 200 unknown key ids ask the database a few times at most', async () => {
  expect(elsewhere.hits).toBe(0);
  const answers = await Promise.all(
    Array.from({ length: 200 }, (_, at) => getMe(service, ours({ kid: `unknown-${at}` }))),
  );
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([401]));
});

test('headers beside a token add nothing to it', async () => {
  const token = ours();
  const answer = await service.get('/auth/me', {
    as: { key: token },
    headers: { 'x-user-id': 'eve', 'x-tenant-id': 't2' },
  });
  expect(answer.status).toBe(401);
  const forwarded = {
    'x-forwarded-for': '203.0.113.9',
    'x-forwarded-host': 't2.rcm.example',
    'x-impersonation-id': 'i1',
  };
  const plain = await service.get<{ tenantId: string }>('/auth/me', {
    as: { key: token },
    headers: forwarded,
  });
  expect(plain).toMatchObject({ status: 200, body: { tenantId: 't1' } });
});
