/** The keys of our tokens: published before they sign, kept as long as a token may live, and useless without the secret. */
import { createLocalJWKSet, createRemoteJWKSet, jwtVerify } from 'jose';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';

import { createKeyRing } from '../../src/signin/key-ring.js';
import type { KeyRing } from '../../src/signin/key-ring.js';
import { rotateKeys } from '../../src/signin/key-commands.js';
import { SIGN_IN, startService } from '../support/service.js';
import type { RunningService } from '../support/service.js';
import { addPerson, emailOf, getMe, tokenOf } from '../support/sign-in-world.js';
import { createWorld, quiet } from '../support/world.js';
import type { World } from '../support/world.js';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

let world: World;
let time: Date;
beforeAll(async () => {
  world = await createWorld();
});
afterAll(() => world.end());

function newRing(secret = 's'.repeat(32)): KeyRing {
  return createKeyRing({ pool: world.pool('bailiwick_service'), secret, log: quiet, now: () => time });
}

const sign = (ring: KeyRing): Promise<string> => {
  const expiresAt = new Date(time.getTime() + HOUR_MS);
  const content = { issuer: 'i', audience: 'a', subject: 's', issuedAt: time, expiresAt, claims: {} };
  const settings = { 'bailiwick.platform': 'on' };
  return world.pool('bailiwick_service').transaction((tx) => ring.sign(tx, content), { settings });
};
const kidOf = (token: string): string =>
  (JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString()) as { kid: string }).kid;
const kids = async (ring: KeyRing): Promise<string[]> => (await ring.readPublicKeys()).map(({ kid }) => kid ?? '');

describe('rotation', () => {
  beforeEach(async () => {
    time = new Date('2026-11-21T12:00:00Z');
    await world.superSql('delete from identity.signing_key');
  });

  test('the next key is published for an hour before it signs; the old one verifies as long as its tokens live', async () => {
    const ring = newRing();
    await ring.rotate();
    const [first] = await kids(ring);
    time = new Date(time.getTime() + 29 * DAY_MS);
    await ring.rotate();
    expect(await kids(ring)).toEqual([first]);

    time = new Date(time.getTime() + 2 * DAY_MS);
    await ring.rotate();
    const both = await kids(ring);
    expect(both).toHaveLength(2);
    const old = await sign(ring);
    expect(kidOf(old)).toBe(first);

    time = new Date(time.getTime() + HOUR_MS + 1);
    const young = await sign(ring);
    expect(both).toContain(kidOf(young));
    expect(kidOf(young)).not.toBe(first);
    time = new Date(time.getTime() - 2 * 60_000);
    const keys = createLocalJWKSet({ keys: await ring.readPublicKeys() });
    for (const token of [old, young]) {
      await jwtVerify(token, keys, { issuer: 'i', audience: 'a', algorithms: ['ES256'], currentDate: time });
    }
    time = new Date(time.getTime() + DAY_MS - HOUR_MS);
    await ring.rotate();
    expect(await kids(ring)).toHaveLength(2);
    time = new Date(time.getTime() + 2 * HOUR_MS);
    await ring.rotate();
    expect(await kids(ring)).toEqual([kidOf(young)]);
  });

  test('of many replicas that start at once one makes the key, and all sign with it', async () => {
    const rings = Array.from({ length: 5 }, () => newRing());
    await Promise.all(rings.map((ring) => ring.rotate()));
    const signed = await Promise.all(rings.map(sign));
    expect(new Set(signed.map(kidOf)).size).toBe(1);
    expect(await kids(rings[0] as KeyRing)).toHaveLength(1);
  });

  test('a changed secret makes a new key, and the old tokens still verify', async () => {
    const before = newRing();
    await before.rotate();
    const old = await sign(before);
    const after = newRing('t'.repeat(32));
    await after.rotate();
    const young = await sign(after);
    expect(kidOf(young)).not.toBe(kidOf(old));
    expect((await kids(after)).sort()).toEqual([kidOf(old), kidOf(young)].sort());
  });

  test('the database holds no private key that it could use, nor under the id of another', async () => {
    const ring = newRing();
    await ring.rotate();
    const { rows } = await world.pool(undefined).transaction((tx) =>
      tx.query<{ row: string }>({
        text: `select to_jsonb(k)::text || encode(private_key, 'escape') as row from identity.signing_key k`,
      }),
    );
    expect(rows[0]?.row).not.toMatch(/PRIVATE KEY|"d"/);
    await world.superSql(`update identity.signing_key set kid = 'another'`);
    const other = newRing();
    await other.rotate();
    expect(kidOf(await sign(other))).not.toBe('another');
    for (const column of ['private_key']) {
      await expect(world.sql(`select ${column} from identity.signing_key`)).rejects.toThrow('permission denied');
    }
  });

  test('before its time the next one is made once, and signs in an hour', async () => {
    const ring = newRing();
    await ring.rotate();
    const [first] = await kids(ring);
    const { kid, signsFrom } = await ring.renew(false);
    expect(signsFrom).toEqual(new Date(time.getTime() + HOUR_MS));
    expect(await ring.renew(false)).toMatchObject({ kid });
    expect(await kids(ring)).toEqual([kid, first]);
    await ring.rotate();
    expect(kidOf(await sign(ring))).toBe(first);
    time = new Date(time.getTime() + HOUR_MS);
    await ring.rotate();
    expect(kidOf(await sign(ring))).toBe(kid);
  });

  test('at once, the new one alone is left, and signs', async () => {
    const ring = newRing();
    await ring.rotate();
    await ring.renew(false);
    const { kid } = await ring.renew(true);
    expect(await kids(ring)).toEqual([kid]);
    expect(kidOf(await sign(ring))).toBe(kid);
  });
});

describe('the running service', () => {
  let service: RunningService;
  beforeAll(async () => {
    await world.superSql('delete from identity.signing_key');
    await world.addTenant('t1', 'rcm');
    await addPerson(world, { tenantId: 't1', userId: 'ada', roles: ['BILLER'] });
    service = await startService(world);
  });
  afterAll(() => service.stop());

  test('publishes its keys at the root, where any verifier finds them', async () => {
    const root = new URL('/.well-known/jwks.json', service.base);
    const answer = await fetch(root);
    expect(answer.status).toBe(200);
    expect(answer.headers.get('cache-control')).toBe('public, max-age=300');
    const { keys } = (await answer.json()) as { keys: Record<string, string>[] };
    expect(keys.map((key) => Object.keys(key).sort())).toEqual([['alg', 'crv', 'kid', 'kty', 'use', 'x', 'y']]);
    expect(keys[0]).toMatchObject({ kty: 'EC', crv: 'P-256', alg: 'ES256', use: 'sig' });
    const token = await tokenOf(service, { tenant: 't1', email: emailOf('ada') });
    const { payload } = await jwtVerify(token, createRemoteJWKSet(root), {
      issuer: 'https://bailiwick.example',
      audience: 'bailiwick-test',
      algorithms: ['ES256'],
      requiredClaims: ['iss', 'aud', 'exp', 'iat', 'jti', 'sub', 'tenant_id', 'roles', 'managed_user_ids', 'sid'],
    });
    expect((payload.exp ?? 0) - (payload.iat ?? 0)).toBe(15 * 60);
    expect((await fetch(`${service.base}/.well-known/jwks.json`)).status).toBe(404);
    expect((await fetch(new URL('/auth/me', service.base))).status).toBe(404);
  });

  test('takes the tokens of a replica that has made a key since it last looked', async () => {
    const before = await tokenOf(service, { tenant: 't1', email: emailOf('ada') });
    expect((await getMe(service, before)).status).toBe(200);
    await world.superSql('delete from identity.signing_key');
    const replica = await startService(world);
    try {
      const token = await tokenOf(replica, { tenant: 't1', email: emailOf('ada') });
      await expect.poll(async () => (await getMe(service, token)).status, { timeout: 10_000 }).toBe(200);
    } finally {
      await replica.stop();
    }
  });
  test('once another process has made a key that signs at once refuses all that the others signed, and signs with it', async () => {
    const ada = { tenant: 't1', email: emailOf('ada') };
    const old = await tokenOf(service, ada);
    const answers = async (token: string): Promise<unknown[]> => {
      const question = { user: 'ada', permission: 'users.read', tenant: 't1' };
      const { body } = await service.post<{ active: boolean }>('/auth/introspect', { token });
      return [
        (await getMe(service, token)).status,
        (await service.check(question, { as: { key: token } })).status,
        body.active,
      ];
    };
    expect(await answers(old)).toEqual([200, 200, true]);
    const context = { pool: world.pool('bailiwick_service'), print: () => undefined, log: quiet, json: false };
    await rotateKeys(context, { secret: SIGN_IN.signingSecret, atOnce: true, dryRun: false });
    expect(await answers(old)).toEqual([401, 401, false]);
    const young = await tokenOf(service, ada);
    expect(kidOf(young)).not.toBe(kidOf(old));
    await expect.poll(() => answers(young), { timeout: 10_000 }).toEqual([200, 200, true]);
  });
});
