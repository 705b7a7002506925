import { generateKeyPair, SignJWT } from 'jose';
import { describe, expect, test } from 'vitest';

import { createTokenVerifier } from '../../src/platform/jwt.js';
import type { TokenIssuer } from '../../src/platform/token-issuer.js';
import { assemble, hmac, type Json, newKey, signer } from '../support/tokens.js';

const ISSUER = 'https://issuer.example';
const AUDIENCE = 'bailiwick';
const NOW = new Date('2026-11-21T12:00:00Z');
const SECONDS = NOW.getTime() / 1000;

const es = newKey('ES256', 'es-1');
const rs = newKey('RS256', 'rs-1');
const ps = { ...rs, alg: 'PS256' as const };
const other = newKey('ES256', 'es-1');

const esIssuer: TokenIssuer = { issuer: ISSUER, audience: AUDIENCE, algorithms: ['ES256'], keys: [es.jwk] };
const rsIssuer: TokenIssuer = {
  issuer: 'https://rs.example',
  audience: AUDIENCE,
  algorithms: ['RS256'],
  keys: [rs.jwk],
};
const verify = createTokenVerifier([esIssuer, rsIssuer], { now: () => NOW });

const HEADER: Json = { alg: 'ES256', typ: 'JWT', kid: 'es-1' };
const CLAIMS: Json = { iss: ISSUER, aud: AUDIENCE, sub: 'ada', tenant_id: 't1', iat: SECONDS, exp: SECONDS + 600 };
const RS_CLAIMS: Json = { ...CLAIMS, iss: 'https://rs.example' };

const token = (header: Json = {}, claims: Json = {}): string =>
  assemble({ ...HEADER, ...header }, { ...CLAIMS, ...claims }, signer(es));
/** Part of a token; the three are always there. */
const part = (text: string, index: number): string => text.split('.')[index] ?? '';

test('a token that jose signs is believed', async () => {
  const { privateKey, publicKey } = await generateKeyPair('EdDSA');
  const { exportJWK } = await import('jose');
  const keys = [{ ...(await exportJWK(publicKey)), kid: 'ed-1' }];
  const signed = await new SignJWT({ tenant: 't9' })
    .setProtectedHeader({ alg: 'EdDSA', kid: 'ed-1', typ: 'at+jwt' })
    .setIssuer(ISSUER)
    .setAudience(AUDIENCE)
    .setSubject('ada')
    .setIssuedAt()
    .setExpirationTime('5m')
    .sign(privateKey);
  const issuer = { issuer: ISSUER, audience: AUDIENCE, algorithms: ['EdDSA'], keys, tenantClaim: 'tenant' };
  expect(await createTokenVerifier([issuer])(signed)).toMatchObject({ subject: 'ada', tenantId: 't9' });
});

test.each<[string, string, string | undefined]>([
  ['as it should be', token(), 't1'],
  ['of the other issuer', assemble({ alg: 'RS256' }, RS_CLAIMS, signer(rs)), 't1'],
  ['without a tenant', token({}, { tenant_id: undefined }), undefined],
  ['without a typ', token({ typ: undefined }), 't1'],
  ['of type at+jwt', token({ typ: 'application/at+jwt' }), 't1'],
  ['without a key id', token({ kid: undefined }), 't1'],
  ['for us and others', token({}, { aud: ['another', AUDIENCE] }), 't1'],
  ['expired 29 seconds ago', token({}, { exp: SECONDS - 29 }), 't1'],
  ['issued 29 seconds from now', token({}, { iat: SECONDS + 29, nbf: SECONDS + 29 }), 't1'],
  ['without a time of issue', token({}, { iat: undefined }), 't1'],
])('a token %s is believed', async (_name, text, tenantId) => {
  expect(await verify(text)).toMatchObject({ subject: 'ada', tenantId });
});

const publicPem = rs.publicKey.export({ type: 'spki', format: 'pem' });
const noHits = 'http://127.0.0.1:9/keys';

const hostile: [string, string][] = [
  // J1: algorithms
  ...['none', 'NoNe', 'NONE', '', ' none', 'HS256', 'ES384', 'RS256', 'PS256', 'EdDSA', 'es256', 'ES256K', 'dir', 'PBES2-HS256+A128KW'].map(
    (alg): [string, string] => [`alg ${JSON.stringify(alg)}`, token({ alg })],
  ),
  ...[undefined, null, 7, true, {}, ['ES256'], ['none']].map((alg): [string, string] => [`alg ${JSON.stringify(alg)}`, token({ alg })]),
  ['unsecured, empty signature', assemble({ alg: 'none' }, CLAIMS, () => '')],
  ['no signature', assemble(HEADER, CLAIMS, () => '')],
  ['HS256 by the RSA key as PEM', assemble({ alg: 'HS256' }, RS_CLAIMS, hmac(publicPem))],
  ['HS256 by the RSA key as JWK', assemble({ alg: 'HS256' }, RS_CLAIMS, hmac(JSON.stringify(rs.jwk)))],
  ['HS256 by the RSA modulus', assemble({ alg: 'HS256' }, RS_CLAIMS, hmac(rs.jwk.n ?? ''))],
  ['HS256 by nothing', assemble({ alg: 'HS256' }, RS_CLAIMS, hmac(''))],
  ['RS256 said, PS256 signed', assemble({ alg: 'RS256' }, RS_CLAIMS, signer(ps))],
  ['PS256 of a key for RS256', assemble({ alg: 'PS256' }, RS_CLAIMS, signer(ps))],
  ['r and s zero', assemble(HEADER, CLAIMS, () => Buffer.alloc(64))],
  ['r and s in DER', assemble(HEADER, CLAIMS, () => Buffer.from('3006020100020100', 'hex'))],
  ['signature of 1 byte', assemble(HEADER, CLAIMS, () => Buffer.alloc(1))],
  ['signature of 4,000 bytes', assemble(HEADER, CLAIMS, () => Buffer.alloc(4_000))],
  ['signed by another key', assemble(HEADER, CLAIMS, signer(other))],
  ['signature of another token', `${part(token(), 0)}.${part(token({}, { sub: 'eve' }), 1)}.${part(token(), 2)}`],
  ['signed by one issuer in the name of the other', assemble({ alg: 'RS256' }, CLAIMS, signer(rs))],
  ['signed by one issuer for the other', assemble(HEADER, RS_CLAIMS, signer(es))],
  // J2: keys of the token's own choosing
  ['its own jwk', assemble({ ...HEADER, kid: 'mine', jwk: other.jwk }, CLAIMS, signer(other))],
  ['its own jku', token({ jku: noHits })],
  ['its own x5u', token({ x5u: noHits })],
  ['its own x5c', token({ x5c: ['MIIB'] })],
  ...['../../dev/null', "' or 1=1 --", 'x'.repeat(6_000), 'a\0b', '__proto__', 'constructor', '', 'es-2'].map(
    (kid): [string, string] => [`kid ${JSON.stringify(kid).slice(0, 30)}`, token({ kid })],
  ),
  ...[null, 7, {}, ['es-1'], true].map((kid): [string, string] => [`kid ${JSON.stringify(kid)}`, token({ kid })]),
  // J3: claims
  ...['iss', 'aud', 'exp', 'sub'].flatMap((claim): [string, string][] =>
    [undefined, null, '', 7, true, {}, []]
      .filter((value) => !(claim === 'exp' && value === 7))
      .map((value) => [`${claim} ${value === undefined ? 'missing' : JSON.stringify(value)}`, token({}, { [claim]: value })]),
  ),
  ['iss in a list', token({}, { iss: [ISSUER] })],
  ['iss with a slash', token({}, { iss: `${ISSUER}/` })],
  ['iss __proto__', token({}, { iss: '__proto__' })],
  ['aud of another', token({}, { aud: 'another' })],
  ['aud that begins with ours', token({}, { aud: `${AUDIENCE}x` })],
  ['aud in other case', token({}, { aud: 'Bailiwick' })],
  ['aud list of others', token({}, { aud: ['another', 'third'] })],
  ['aud list with what is no text', token({}, { aud: [AUDIENCE, { a: 1 }] })],
  ['aud list in a list', token({}, { aud: [[AUDIENCE]] })],
  ['expired', token({}, { exp: SECONDS - 31 })],
  ...[7, 0, -1, -1e308, 1e308, '9999999999', `${SECONDS + 600}`].map((exp): [string, string] => [`exp ${JSON.stringify(exp)}`, token({}, { exp })]),
  ['exp 1e400', assemble(HEADER, JSON.stringify(CLAIMS).replace(/"exp":\d+/, '"exp":1e400'), signer(es))],
  ...[SECONDS + 31, -1, 1e308, '0', null, true, [0], {}].map((nbf): [string, string] => [`nbf ${JSON.stringify(nbf)}`, token({}, { nbf })]),
  ...[SECONDS + 31, -1, 1e308, '0', true, [0], {}].map((iat): [string, string] => [`iat ${JSON.stringify(iat)}`, token({}, { iat })]),
  ...['*', 'a#member', 'a:b', 'a/b', 'a b', 'a\n', 'x'.repeat(121), 'é', ' ada'].map((sub): [string, string] => [`sub ${JSON.stringify(sub).slice(0, 20)}`, token({}, { sub })]),
  ...['', '*', 't/1', null, 7, ['t1'], {}, true].map((tenant): [string, string] => [`tenant_id ${JSON.stringify(tenant)}`, token({}, { tenant_id: tenant })]),
  ...['JWE', 'id+jwt', 'logout+jwt', 'dpop+jwt', 'secevent+jwt', '', 7, null, ['JWT']].map((typ): [string, string] => [`typ ${JSON.stringify(typ)}`, token({ typ })]),
  ['an id token, by its at_hash', token({}, { at_hash: 'x' })],
  ['an id token, by its typ', token({}, { typ: 'ID' })],
  ['an id token, by its token_use', token({}, { token_use: 'id' })],
  ['a refresh token', token({}, { typ: 'Refresh' })],
  ['a logout token', token({}, { typ: 'Logout' })],
  ['a typ that is no text', token({}, { typ: {} })],
  // J7: forms
  ['crit', token({ crit: ['exp'], exp: 1 })],
  ['crit, empty', token({ crit: [] })],
  ['crit of b64', token({ crit: ['b64'], b64: true })],
  ['b64 false', token({ crit: ['b64'], b64: false })],
  ['b64 true without crit', token({ b64: true })],
  ['zip', token({ zip: 'DEF' })],
  ['enc', token({ enc: 'A128GCM' })],
  ['JWE of five parts', 'eyJhbGciOiJkaXIiLCJlbmMiOiJBMTI4R0NNIn0..aaaa.bbbb.cccc'],
  ['PBES2', assemble({ alg: 'PBES2-HS256+A128KW', enc: 'A128GCM', p2c: 1_000_000_000, p2s: 'x' }, CLAIMS, () => 'aa')],
  ['nested', assemble({ ...HEADER, cty: 'JWT' }, token(), signer(es))],
  ['5,000 claims', token({}, Object.fromEntries(Array.from({ length: 5_000 }, (_, at) => [`c${at}`, at])))],
  ['8 KiB and one', `${token()}${'A'.repeat(8 * 1024)}`.slice(0, 8 * 1024 + 1)],
  ['one part', part(token(), 0)],
  ['two parts', `${part(token(), 0)}.${part(token(), 1)}`],
  ['four parts', `${token()}.${part(token(), 2)}`],
  ['dots alone', '..'],
  ['nothing', ''],
  ['white space around', ` ${token()} `],
  ['white space within', token().replace('.', ' .')],
  ['a line feed at the end', `${token()}\n`],
  ['base64 with padding', `${token()}==`],
  ['base64 of the other alphabet', token({}, { x: '???>>>' }).replaceAll('-', '+').replaceAll('_', '/') + '+/'],
  ['a header that is no JSON', assemble('ES256', CLAIMS, signer(es))],
  ['a header that is a list', assemble('["ES256"]', CLAIMS, signer(es))],
  ['a header that is null', assemble('null', CLAIMS, signer(es))],
  ['a payload that is no JSON', assemble(HEADER, 'ada', signer(es))],
  ['a payload that is a list', assemble(HEADER, '[]', signer(es))],
  ['a payload that is null', assemble(HEADER, 'null', signer(es))],
  ['a deep payload', assemble(HEADER, `{"iss":"${ISSUER}","x":${'['.repeat(2_000)}${']'.repeat(2_000)}}`, signer(es))],
  ['`__proto__` for claims', assemble(HEADER, JSON.stringify({ exp: CLAIMS['exp'] }).replace('"exp"', `"__proto__":${JSON.stringify(CLAIMS)},"exp"`), signer(es))],
]; // prettier-ignore

test('there are enough hostile tokens', () => {
  expect(hostile.length).toBeGreaterThanOrEqual(80);
  expect(new Set(hostile.map(([name]) => name)).size).toBe(hostile.length);
});

test.each(hostile)('refused: %s', async (_name, text) => {
  const startedAt = performance.now();
  const error: unknown = await verify(text).catch((reason: unknown) => reason);
  expect(error).toMatchObject({ name: 'Problem', code: 'UNAUTHENTICATED' });
  const { detail } = error as { detail: string };
  for (const secret of text.split('.').filter(({ length }) => length > 8)) expect(detail).not.toContain(secret);
  expect(performance.now() - startedAt).toBeLessThan(100);
});

describe('an issuer that is not fully pinned is refused at the start', () => {
  const byAddress = { issuer: ISSUER, audience: AUDIENCE, algorithms: ['ES256'] };
  test.each<[string, object, string]>([
    ['no issuer', { ...esIssuer, issuer: '' }, 'has no `issuer`'],
    ['no audience', { ...esIssuer, audience: '' }, 'has no `audience`'],
    ['audience undefined', { ...esIssuer, audience: undefined }, 'has no `audience`'],
    ['no algorithms', { ...esIssuer, algorithms: [] }, '`algorithms` must name'],
    ['HS256', { ...esIssuer, algorithms: ['HS256'] }, '`algorithms` must name'],
    ['none', { ...esIssuer, algorithms: ['none'] }, '`algorithms` must name'],
    ['two families', { ...esIssuer, algorithms: ['ES256', 'RS256'] }, '`algorithms` must name'],
    ['no keys', { ...esIssuer, keys: [] }, '`keys` must be asymmetric public keys'],
    ['neither keys nor address', byAddress, 'needs one of `jwksUri` and `keys`'],
    ['keys and address', { ...esIssuer, jwksUri: 'https://issuer.example/jwks' }, 'needs one of `jwksUri` and `keys`'],
    ['a symmetric key', { ...esIssuer, keys: [{ kty: 'oct', k: 'c2VjcmV0' }] }, '`keys` must be asymmetric public keys'],
    ['a private key', { ...esIssuer, keys: [es.privateKey.export({ format: 'jwk' })] }, '`keys` must be asymmetric public keys'],
    ['http', { ...byAddress, jwksUri: 'http://issuer.example/jwks' }, '`jwksUri` must be an https address'],
    ['http on what looks like loopback', { ...byAddress, jwksUri: 'http://127.0.0.1.example/jwks' }, '`jwksUri` must be an https address'],
    ['a file', { ...byAddress, jwksUri: 'file:///etc/passwd' }, '`jwksUri` must be an https address'],
    ['credentials', { ...byAddress, jwksUri: 'https://a:b@issuer.example/jwks' }, '`jwksUri` must be an https address'],
    ['no address', { ...byAddress, jwksUri: 'jwks' }, '`jwksUri` must be an https address'],
  ])('%s', (_name, issuer, message) => {
    expect(() => createTokenVerifier([issuer as TokenIssuer])).toThrow(message);
  }); // prettier-ignore

  test('the same issuer twice', () => {
    expect(() => createTokenVerifier([esIssuer, esIssuer])).toThrow('is configured twice');
  });
});
