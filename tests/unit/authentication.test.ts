import { createServer, type IncomingMessage, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';

import { type AuthenticationOptions, createAuthentication } from '../../src/http/authentication.js';
import { startDeadline } from '../../src/http/deadline.js';
import type { ServiceKey } from '../../src/http/service-key-store.js';
import type { TokenIdentity } from '../../src/platform/jwt.js';
import { newServiceKey, serviceKeyId, sha256 } from '../../src/platform/service-key.js';
import type { Caller } from '../../src/shared/caller.js';
import { Problem } from '../../src/shared/problem.js';

const NOW = new Date('2026-11-21T12:00:00Z');
const SECRET = 'the-secret-of-the-gateway';
const { key, keyId, keyHash } = newServiceKey();

let trusted: AuthenticationOptions['trusted'];
let stored: ServiceKey | undefined;
let lookups: string[];
let tokens: string[];
/** Counts for no time: each request is judged anew. */
const VERIFIED = { subject: 'ada', tenantId: 't1', acceptedUntil: 0, keysStand: () => true };

let server: Server;
let outcome: Caller | Problem | undefined;

beforeEach(() => {
  trusted = { loopback: true, gatewaySecretSha256: undefined };
  stored = { id: keyId, keyHash, tenantId: 't1', scope: 'decide', expiresAt: null, revokedAt: null };
  lookups = [];
  tokens = [];
});

beforeAll(async () => {
  server = createServer((incoming, response) => {
    const authenticate = createAuthentication({
      trusted,
      now: () => NOW,
      verifyToken: (token) => {
        tokens.push(token);
        return token === 'good'
          ? Promise.resolve({ ...VERIFIED, tenantId: undefined })
          : Promise.reject(new Problem('UNAUTHENTICATED', 'bad token'));
      },
      findServiceKey: (id) => {
        lookups.push(id);
        return Promise.resolve(id === stored?.id ? stored : undefined);
      },
    });
    authenticate(incoming, startDeadline(5_000))
      .then((caller) => (outcome = caller))
      .catch((error: unknown) => (outcome = error as Problem))
      .finally(() => response.end());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

/** What authentication makes of a real request with these headers; a list is a header given more than once. */
function authenticate(headers: Record<string, string | string[]>): Promise<Caller | Problem | undefined> {
  const { port } = server.address() as AddressInfo;
  outcome = undefined;
  return new Promise((resolve, reject) => {
    request({ port, host: '127.0.0.1', headers, agent: false }, (response) => {
      response.resume().on('end', () => resolve(outcome));
    })
      .on('error', reject)
      .end();
  });
}

async function refusal(headers: Record<string, string | string[]>): Promise<string> {
  const problem = await authenticate(headers);
  expect(problem).toBeInstanceOf(Problem);
  expect(problem).toMatchObject({ code: 'UNAUTHENTICATED' });
  return (problem as Problem).detail;
}

const ADA = { 'x-user-id': 'ada', 'x-tenant-id': 't1' };

describe('headers from a trusted caller', () => {
  const believed = { kind: 'user', actorUserId: 'ada', tenantId: 't1', via: 'headers' };

  test('loopback is believed where the operator said so', async () => {
    expect(await authenticate(ADA)).toEqual(believed);
    expect(await authenticate({ 'X-USER-ID': 'ada', 'X-Tenant-Id': 't1' })).toEqual(believed);
    trusted = { loopback: false, gatewaySecretSha256: undefined };
    expect(await refusal(ADA)).toBe('`x-user-id` and `x-tenant-id` are not believed from this caller');
  });

  test.each([
    ['x-forwarded-for', '127.0.0.1'],
    ['x-forwarded-for', ''],
    ['forwarded', 'for=127.0.0.1'],
    ['x-real-ip', '127.0.0.1'],
    ['via', '1.1 proxy'],
    ['x-forwarded-host', 'localhost'],
    ['x-forwarded-proto', 'https'],
    ['host', 'evil.example'],
    ['host', 'localhost.evil.example'],
    ['host', '127.0.0.1.evil.example'],
    ['host', 'bailiwick.internal:7080'],
  ])('loopback behind a proxy or a rebound name is not believed: %s: %s', async (name, value) => {
    expect(await refusal({ ...ADA, [name]: value })).toContain('not believed');
  });

  test.each(['localhost', 'localhost:7080', '127.0.0.1:7080', '[::1]:7080', 'LOCALHOST'])(
    'host %s is this machine',
    async (host) => {
      expect(await authenticate({ ...ADA, host })).toEqual(believed);
    },
  );

  test('the gateway is believed by its secret, from anywhere', async () => {
    trusted = { loopback: false, gatewaySecretSha256: sha256(SECRET) };
    const viaGateway = { ...ADA, 'x-gateway-secret': SECRET, 'x-forwarded-for': '203.0.113.9', host: 'api.example' };
    expect(await authenticate(viaGateway)).toEqual(believed);
    expect(await refusal(ADA)).toContain('not believed');
  });

  test.each(['', 'x', SECRET.slice(0, -1), `${SECRET}x`, SECRET.toUpperCase(), sha256(SECRET).toString('hex')])(
    'a wrong gateway secret is refused, on loopback too: %j',
    async (secret) => {
      trusted = { loopback: true, gatewaySecretSha256: sha256(SECRET) };
      expect(await refusal({ ...ADA, 'x-gateway-secret': secret })).toContain('`x-gateway-secret` is not the one');
    },
  );

  test('a secret means nothing where none is configured', async () => {
    trusted = { loopback: false, gatewaySecretSha256: undefined };
    expect(await refusal({ ...ADA, 'x-gateway-secret': '' })).toContain('not believed');
  });

  test('half an identity is told what is missing', async () => {
    expect(await refusal({ 'x-user-id': 'ada' })).toContain('missing: `x-tenant-id`');
    expect(await refusal({ 'x-tenant-id': 't1' })).toContain('missing: `x-user-id`');
  });

  test('nothing at all is told the ways', async () => {
    expect(await refusal({})).toBe(
      'missing: `x-user-id` and `x-tenant-id`, or a Bearer token or service key in `authorization`',
    );
    trusted = { loopback: false, gatewaySecretSha256: undefined };
    expect(await refusal({})).toBe('missing: a Bearer token or service key in `authorization`');
  });

  test.each(['x-user-id', 'x-tenant-id'])('%s given twice, as a list or malformed is refused', async (name) => {
    expect(await refusal({ ...ADA, [name]: ['ada', 'ada'] })).toContain('must not be given twice');
    for (const value of ['ada,eve', 'ada, eve', 'ada eve', '*', 'a#member', 'a:b', 'a/b', '', 'x'.repeat(121), 'é']) {
      expect(await refusal({ ...ADA, [name]: value })).toBe(`\`${name}\` is not an id`);
    }
  });

  test('the gateway secret given twice is refused', async () => {
    trusted = { loopback: false, gatewaySecretSha256: sha256(SECRET) };
    expect(await refusal({ ...ADA, 'x-gateway-secret': [SECRET, SECRET] })).toContain('must not be given twice');
  });
});

describe('Bearer tokens', () => {
  test('a good one is the user it names', async () => {
    expect(await authenticate({ authorization: 'Bearer good' })).toEqual({
      kind: 'user',
      actorUserId: 'ada',
      tenantId: undefined,
      via: 'token',
    });
    expect(await authenticate({ authorization: 'bearer  good' })).toMatchObject({ kind: 'user' });
  });

  test('a bad one is refused', async () => {
    expect(await refusal({ authorization: 'Bearer bad' })).toBe('bad token');
  });

  test.each([
    '',
    'good',
    'Bearer',
    'Bearer ',
    'Basic Z29vZA==',
    'Bearer good good',
    'Bearer good, Bearer good',
    'Bearer\tgood',
    'Bearer:good',
    'Token good',
  ])('%j is no Bearer credential', async (authorization) => {
    expect(await refusal({ authorization })).toContain('must be of the form');
    expect(tokens).toEqual([]);
  });

  test('two are refused', async () => {
    expect(await refusal({ authorization: ['Bearer good', 'Bearer good'] })).toContain('must not be given twice');
  });

  test.each([{ 'x-user-id': 'ada' }, { 'x-tenant-id': 't1' }, ADA, { 'x-user-id': '' }])(
    'one together with identity headers %j is refused',
    async (headers) => {
      expect(await refusal({ authorization: 'Bearer good', ...headers })).toContain('not both');
      expect(await refusal({ authorization: `Bearer ${key}`, ...headers })).toContain('not both');
      expect([tokens, lookups]).toEqual([[], []]);
    },
  );
});

describe('service keys', () => {
  const authorization = `Bearer ${key}`;

  test('a good one is a service, for its tenant or for all', async () => {
    expect(await authenticate({ authorization })).toEqual({ kind: 'service', serviceKeyId: keyId, tenantId: 't1' });
    stored = { ...(stored as ServiceKey), tenantId: null };
    expect(await authenticate({ authorization })).toEqual({
      kind: 'service',
      serviceKeyId: keyId,
      tenantId: undefined,
    });
    expect(tokens).toEqual([]);
  });

  test('keys do not repeat, and carry their id', () => {
    const keys = Array.from({ length: 100 }, () => newServiceKey());
    expect(new Set(keys.map((one) => one.key)).size).toBe(100);
    for (const one of keys) {
      expect(serviceKeyId(one.key)).toBe(one.keyId);
      expect(sha256(one.key)).toEqual(one.keyHash);
    }
  });

  test('an unknown id and a wrong secret are told the same', async () => {
    const wrong = `Bearer bwk_${keyId}_${'A'.repeat(43)}`;
    const [first, second] = [
      await refusal({ authorization: wrong }),
      ((stored = undefined), await refusal({ authorization })),
    ];
    expect(first).toBe('the service key is not valid');
    expect(second).toBe(first);
  });

  test('a key under the hash of another is refused', async () => {
    stored = { ...(stored as ServiceKey), keyHash: sha256('another') };
    expect(await refusal({ authorization })).toBe('the service key is not valid');
    stored = { ...stored, keyHash: new Uint8Array(0) };
    expect(await refusal({ authorization })).toBe('the service key is not valid');
  });

  test.each([
    ['revoked', { revokedAt: new Date('2026-11-21T11:00:00Z') }, 'the service key has been revoked'],
    ['revoked just now', { revokedAt: NOW }, 'the service key has been revoked'],
    ['expired', { expiresAt: NOW }, 'the service key has expired'],
    ['of another scope', { scope: 'admin' }, 'the service key is not valid'],
  ])('one that is %s is refused', async (_name, change, detail) => {
    stored = { ...(stored as ServiceKey), ...change };
    expect(await refusal({ authorization })).toBe(detail);
  });

  test('one that expires a millisecond from now is good', async () => {
    stored = { ...(stored as ServiceKey), expiresAt: new Date(NOW.getTime() + 1) };
    expect(await authenticate({ authorization })).toMatchObject({ kind: 'service' });
  });

  test('a malformed one is refused without a look-up', async () => {
    const secret = key.slice(-43);
    for (const credential of [
      'bwk_',
      `bwk_${keyId}`,
      `bwk_${keyId}_`,
      `bwk_${keyId}_${secret.slice(1)}`,
      `bwk_${keyId}_${secret}x`,
      `bwk_${keyId.toUpperCase()}G_${secret}`,
      `bwk_${keyId.slice(1)}_${secret}`,
      `bwk_';drop/**/table/**/x;--_${secret}`,
      `bwk_${'a'.repeat(65)}_${secret}`,
    ]) {
      expect(await refusal({ authorization: `Bearer ${credential}` })).toBe('the service key is malformed');
    }
    expect(lookups).toEqual([]);
  });

  test('a database that is away is not a bad key', async () => {
    const findServiceKey = () => Promise.reject(new Problem('DATABASE_UNAVAILABLE', 'away'));
    const verifyToken = () => Promise.reject(new Error('not asked'));
    const incoming = { headersDistinct: { authorization: [authorization] }, headers: {} } as unknown as IncomingMessage;
    const authenticate = createAuthentication({ trusted, verifyToken, findServiceKey });
    await expect(authenticate(incoming, startDeadline(5_000))).rejects.toMatchObject({ code: 'DATABASE_UNAVAILABLE' });
  });

  test('a database or an issuer that says nothing holds nobody up for longer than the request may last', async () => {
    const silent = () => new Promise<never>(() => undefined);
    const authenticate = createAuthentication({ trusted, verifyToken: silent, findServiceKey: silent });
    const late = async (credential: string): Promise<unknown> => {
      const headersDistinct = { authorization: [`Bearer ${credential}`] };
      return await authenticate({ headersDistinct, headers: {} } as unknown as IncomingMessage, startDeadline(20));
    };
    await expect(late(key)).rejects.toMatchObject({ code: 'DATABASE_UNAVAILABLE', retryAfterSeconds: 1 });
    await expect(late('some.jwt')).rejects.toMatchObject({ code: 'ISSUER_UNAVAILABLE', retryAfterSeconds: 1 });
  });
});

describe('what a token says is worked out once', () => {
  let verified: number;
  let asked: string[];
  let keysStand: boolean;
  let now: Date;

  /** Says who is asking, by one token; `session` is that of a token of ours. */
  function asking(session?: TokenIdentity['session']): () => Promise<Caller> {
    verified = 0;
    asked = [];
    keysStand = true;
    now = NOW;
    const authenticate = createAuthentication({
      trusted,
      now: () => now,
      verifyToken: () => {
        verified += 1;
        const acceptedUntil = NOW.getTime() + 60_000;
        return Promise.resolve({ ...VERIFIED, acceptedUntil, keysStand: () => keysStand, ...(session && { session }) });
      },
      findServiceKey: () => Promise.resolve(undefined),
      checkSession: (identity) => {
        asked.push(identity.session?.sessionId ?? '');
        if (asked.length > 2) return Promise.reject(new Problem('UNAUTHENTICATED', 'the session has ended'));
        return Promise.resolve({ mustChangePassword: false });
      },
    });
    const incoming = {
      headersDistinct: { authorization: ['Bearer a.b.c'] },
      headers: {},
    } as unknown as IncomingMessage;
    return () => authenticate(incoming, startDeadline(5_000));
  }

  test('until it ends or its keys do', async () => {
    const ask = asking();
    for (let times = 0; times < 3; times += 1) expect(await ask()).toMatchObject({ actorUserId: 'ada' });
    expect(verified).toBe(1);
    keysStand = false;
    await ask();
    expect(verified).toBe(2);
    keysStand = true;
    now = new Date(NOW.getTime() + 60_000);
    await ask();
    expect(verified).toBe(3);
  });

  test('of one of ours too, and its session is asked for each time', async () => {
    const ask = asking({ sessionId: 's1', impersonationId: undefined, keyId: 'k1' });
    await ask();
    await ask();
    await expect(ask()).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
    expect({ verified, asked }).toEqual({ verified: 1, asked: ['s1', 's1', 's1'] });
  });
});
