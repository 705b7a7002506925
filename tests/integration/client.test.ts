/**
 * The TypeScript client against the real service, and its guards in real Express, Fastify and Hono servers: who gets in,
 * who does not, and that nobody does where nothing can be decided.
 */
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';

import { serve } from '@hono/node-server';
import express from 'express';
import fastify from 'fastify';
import { Hono } from 'hono';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';

import { createClient } from '../../clients/typescript/src/client.js';
import type { Client } from '../../clients/typescript/src/client.js';
import * as forExpress from '../../clients/typescript/src/express.js';
import * as forFastify from '../../clients/typescript/src/fastify.js';
import type { About, GuardOptions } from '../../clients/typescript/src/guard.js';
import * as forHono from '../../clients/typescript/src/hono.js';
import { withExposed } from '../support/outage.js';
import { startService } from '../support/service.js';
import type { RunningService } from '../support/service.js';
import { addPerson, claimsOf, emailOf, tokenOf } from '../support/sign-in-world.js';
import { startProxy, targetOf } from '../support/tcp-proxy.js';
import type { TcpProxy } from '../support/tcp-proxy.js';
import { createWorld, roleId } from '../support/world.js';
import type { World } from '../support/world.js';

/** A call of a guard and of the handler behind it; on a busy machine a decision takes its time. */
const PATIENT_MS = 8_000;
const record = ({ params }: About): string => `record:${params['id'] ?? ''}`;

let world: World;
let service: RunningService;
/** Stands between the client and the service. */
let way: TcpProxy;
let client: Client;
let key: string;
const tokens = { lena: '', rene: '', boss: '' };
/** What the guards could not decide. */
const failures: unknown[] = [];

interface Site {
  readonly base: string;
  stop(): Promise<unknown>;
}

/** Each framework with the same three routes; a handler says who asked. */
const sites: Record<'Express' | 'Fastify' | 'Hono', (options: GuardOptions) => Promise<Site>> = {
  async Express(options) {
    const requires = forExpress.createRequires(options);
    const app = express();
    app.get('/team', requires('team.read'), (request, response) => {
      response.json(forExpress.authOf(request));
    });
    app.get('/records/:id', requires('record.read', { object: record }), (request, response) => {
      // The types of the route stay Express' own.
      response.json({ id: request.params.id satisfies string, ...forExpress.authOf(request) });
    });
    app.get('/both', requires('team.read'), requires('team.update'), (request, response) => {
      response.json(forExpress.authOf(request));
    });
    const server = createServer(app);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return siteOf(server);
  },
  async Fastify(options) {
    const requires = forFastify.createRequires(options);
    const app = fastify();
    app.get('/team', { preHandler: requires('team.read') }, (request) => Promise.resolve(forFastify.authOf(request)));
    app.get('/records/:id', { preHandler: requires('record.read', { object: record }) }, (request) =>
      Promise.resolve(forFastify.authOf(request)),
    );
    app.get('/both', { preHandler: [requires('team.read'), requires('team.update')] }, (request) =>
      Promise.resolve(forFastify.authOf(request)),
    );
    return { base: await app.listen({ port: 0, host: '127.0.0.1' }), stop: () => app.close() };
  },
  async Hono(options) {
    const requires = forHono.createRequires(options);
    const app = new Hono();
    app.get('/team', requires('team.read'), (context) => context.json(forHono.authOf(context.req.raw)));
    app.get('/records/:id', requires('record.read', { object: record }), (context) =>
      context.json(forHono.authOf(context.req.raw)),
    );
    app.get('/both', requires('team.read'), requires('team.update'), (context) =>
      context.json(forHono.authOf(context.req.raw)),
    );
    return await new Promise<Site>((resolve) => {
      const server = serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }, ({ port }) => {
        resolve({
          base: `http://127.0.0.1:${String(port)}`,
          stop: () => new Promise((done) => server.close(done)),
        });
      });
    });
  },
};

function siteOf(server: Server): Site {
  const { port } = server.address() as AddressInfo;
  return {
    base: `http://127.0.0.1:${String(port)}`,
    stop: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    },
  };
}

beforeAll(async () => {
  world = await createWorld();
  await world.addTenant('acme', 'sales');
  service = await startService(world, { requestTimeoutMs: 10_000, engineTimeoutMs: 5_000, syncWaitMs: 5_000 });
  const roles = { lena: ['manager'], rene: ['rep'], boss: ['admin'] } as const;
  for (const [userId, held] of Object.entries(roles)) await addPerson(world, { tenantId: 'acme', userId, roles: held });
  await world.sql(
    `insert into security.user_assignment (tenant_id, user_id, assigned_user_id) values ('acme', 'lena', 'rene')`,
  );
  await world.sql(
    `insert into security.record (tenant_id, id, owner_user_id) values ('acme', 'deal-1', 'rene'), ('acme', 'deal-2', 'boss')`,
  );
  await service.settle();
  for (const userId of ['lena', 'rene', 'boss'] as const) {
    tokens[userId] = await tokenOf(service, { tenant: 'acme', email: emailOf(userId) });
  }
  key = await service.addKey('acme');
  way = await startProxy(targetOf(service.base));
  client = createClient({
    url: `http://127.0.0.1:${String(way.port)}`,
    credential: () => Promise.resolve(key),
    timeoutMs: PATIENT_MS,
  });
});
afterAll(async () => {
  await way.stop();
  await service.stop();
  await world.end();
});
beforeEach(() => void failures.splice(0));

describe('the client', () => {
  const tenant = 'acme';

  test('checks, one and many', async () => {
    expect(await client.check({ user: 'lena', permission: 'team.read', tenant })).toMatchObject({ allowed: true });
    const answers = await client.batchCheck([
      { user: 'rene', permission: 'team.read', tenant },
      { user: 'lena', permission: 'record.read', tenant, object: 'record:deal-1' },
      { user: 'lena', permission: 'record.read', tenant: 'globex', object: 'record:deal-1' },
    ]);
    expect(answers).toMatchObject([{ allowed: false }, { allowed: true }, { error: { code: 'FORBIDDEN' } }]);
  });

  test('lists, a page at a time', async () => {
    const question = { user: 'boss', permission: 'record.read', tenant, type: 'record', limit: 1 } as const;
    const first = await client.listObjects(question);
    expect(first).toMatchObject({ items: ['record:deal-1'], complete: false });
    const rest = await client.listObjects({ ...question, cursor: first.nextCursor ?? '' });
    expect(rest.items).toEqual(['record:deal-2']);
  });

  test('introspects', async () => {
    expect(await client.introspect(tokens.lena)).toMatchObject({ active: true, managed_user_ids: ['rene'] });
    expect(await client.introspect('garbage')).toEqual({ active: false });
  });

  test('sees its own write by the sync token', async () => {
    await world.sql(`update security.user_role set revoked_at = now() where user_id = 'rene'`);
    const [row] = await world.sql<{ token: string }>(`select sync.token('acme') as token`);
    const question = { user: 'rene', permission: 'records.create', tenant } as const;
    expect(await client.check(question, { syncToken: row?.token })).toMatchObject({ allowed: false });
    await world.sql(`update security.user_role set revoked_at = null where user_id = 'rene'`);
    const [after] = await world.sql<{ token: string }>(`select sync.token('acme') as token`);
    expect(await client.check(question, { syncToken: after?.token })).toMatchObject({ allowed: true });
  });

  test('says what the service said, and which request it was', async () => {
    const wrong = client.check({ user: 'lena', permission: 'no.such_thing', tenant });
    await expect(wrong).rejects.toMatchObject({ code: 'INVALID_REQUEST', status: 400, fields: ['permission'] });
    await expect(client.check({ user: 'lena', permission: 'team.read', tenant: 'globex' })).rejects.toMatchObject({
      code: 'FORBIDDEN',
      requestId: expect.any(String) as string,
    });
  });
});

describe.each(['Express', 'Fastify', 'Hono'] as const)('a guard in %s', (framework) => {
  let site: Site;
  beforeAll(async () => {
    site = await sites[framework]({ client, timeoutMs: PATIENT_MS, onError: (error) => failures.push(error) });
  });
  afterAll(() => site.stop());

  const get = (path: string, token?: string, headers: Record<string, string> = {}): Promise<Response> =>
    fetch(site.base + path, {
      headers: { ...headers, ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) },
    });
  const statusOf = async (path: string, token?: string): Promise<number> => (await get(path, token)).status;

  test('lets pass who may, and says to the handler who it is', async () => {
    const answer = await get('/team', tokens.lena);
    expect(answer.status).toBe(200);
    expect(await answer.json()).toMatchObject({
      userId: 'lena',
      tenantId: 'acme',
      roles: ['manager'],
      managedUserIds: ['rene'],
    });
    expect(await statusOf('/both', tokens.lena)).toBe(200);
    expect(failures).toEqual([]);
  });

  test('asks about the object of the address', async () => {
    expect(await statusOf('/records/deal-1', tokens.lena)).toBe(200);
    expect(await statusOf('/records/deal-1', tokens.rene)).toBe(200);
    expect(await statusOf('/records/deal-2', tokens.lena)).toBe(403);
    expect(await statusOf('/records/no-such-deal', tokens.boss)).toBe(403);
    expect(await statusOf('/records/%23%3A*', tokens.boss)).toBe(403);
    expect(failures).toEqual([]);
  });

  test('answers 403 to who may not, 401 to who is not known, each as a problem', async () => {
    const denied = await get('/team', tokens.rene);
    expect(denied.status).toBe(403);
    expect(denied.headers.get('content-type')).toContain('application/problem+json');
    expect(denied.headers.get('cache-control')).toBe('no-store');
    expect(await denied.json()).toMatchObject({ status: 403, code: 'FORBIDDEN', detail: '`team.read` is needed' });
    const nobody = await get('/team');
    expect(nobody.status).toBe(401);
    expect(nobody.headers.get('www-authenticate')).toBe('Bearer');
    for (const token of ['garbage', `${tokens.lena.slice(0, -4)}AAAA`, key]) {
      const answer = await get('/team', token);
      expect(answer.status).toBe(401);
      expect(answer.headers.get('www-authenticate')).toContain('invalid_token');
    }
  });

  test('believes no header beside the token', async () => {
    const as = { 'x-user-id': 'boss', 'x-tenant-id': 'acme', 'x-impersonation-id': 'one' };
    expect((await get('/team', undefined, as)).status).toBe(401);
    expect((await get('/team', tokens.rene, as)).status).toBe(403);
  });

  test('turns away whose role has ended, however young their token, and who signed out', async () => {
    const token = await tokenOf(service, { tenant: 'acme', email: emailOf('lena') });
    await world.sql(`update security.user_role set revoked_at = now() where user_id = 'lena'`);
    await service.settle();
    expect(claimsOf(token)).toMatchObject({ roles: ['manager'] });
    expect(await statusOf('/team', token)).toBe(403);
    await world.sql(`update security.user_role set revoked_at = null where user_id = 'lena' and role_id = $1`, [
      roleId('acme', 'manager'),
    ]);
    const [row] = await world.sql<{ token: string }>(`select sync.token('acme') as token`);
    // The caller hands on what they were told when they wrote.
    expect((await get('/team', token, { 'x-sync-token': row?.token ?? '' })).status).toBe(200);
    await service.post('/auth/logout', undefined, { as: { key: token } });
    expect(await statusOf('/team', token)).toBe(401);
  });

  test('lets nobody pass while the service is away, or silent', async () => {
    const impatient = await sites[framework]({ client, timeoutMs: 300, onError: (error) => failures.push(error) });
    try {
      const ask = () => fetch(`${impatient.base}/team`, { headers: { authorization: `Bearer ${tokens.lena}` } });
      for (const mode of ['refuse', 'reset', 'hang'] as const) {
        await way.set(mode);
        const startedAt = performance.now();
        const answer = await ask();
        expect(answer.status, mode).toBe(503);
        expect(answer.headers.get('retry-after')).toBe('1');
        expect(performance.now() - startedAt).toBeLessThan(5_000);
      }
      expect(failures).toMatchObject([{ code: 'UNREACHABLE' }, { code: 'UNREACHABLE' }, { code: 'TIMED_OUT' }]);
    } finally {
      await way.set('pass');
      await impatient.stop();
    }
    expect(await statusOf('/team', tokens.boss)).toBe(200);
  });
});

test('where the engine is away nobody passes: an undecided check is neither a 403 nor a 200', async () => {
  await withExposed(world, { decisionCacheEntries: 0 }, async ({ service: exposed, engine }) => {
    const there = createClient({ url: new URL(exposed.base).origin, credential: key, timeoutMs: PATIENT_MS });
    const site = await sites.Express({ client: there, onError: (error) => failures.push(error) });
    try {
      await engine.set('refuse');
      const answer = await fetch(`${site.base}/team`, { headers: { authorization: `Bearer ${tokens.boss}` } });
      expect(answer.status).toBe(503);
      expect(failures).toMatchObject([{ code: 'ENGINE_UNAVAILABLE', status: 503 }]);
    } finally {
      await site.stop();
    }
  });
});
