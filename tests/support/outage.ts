/** A service whose ways to the engine and to Postgres lead through proxies that a test may break. */
import { startService } from './service.js';
import type { RunningService, ServiceOver } from './service.js';
import { startProxy, targetOf, through } from './tcp-proxy.js';
import type { TcpProxy } from './tcp-proxy.js';
import type { World } from './world.js';

export interface Exposed {
  readonly service: RunningService;
  readonly engine: TcpProxy;
  readonly postgres: TcpProxy;
}

/** Runs `work` on such a service, and ends everything whatever comes of it. */
export async function withExposed(
  world: World,
  over: ServiceOver,
  work: (exposed: Exposed) => Promise<void>,
): Promise<void> {
  const engine = await startProxy(targetOf(world.engineUrl));
  const postgres = await startProxy(targetOf(world.databaseUrl));
  const engineUrl = through(world.engineUrl, engine);
  const databaseUrl = through(world.databaseUrl, postgres);
  try {
    const service = await startService(world, { engineUrl, databaseUrl, ...over });
    try {
      await work({ service, engine, postgres });
    } finally {
      await Promise.all([engine.set('pass'), postgres.set('pass')]);
      await service.stop();
    }
  } finally {
    await Promise.all([engine.stop(), postgres.stop()]);
  }
}

/** Revokes a user's roles as an operator's psql would, and takes a sync token in the same transaction. */
export async function revokeRoles(world: World, userId: string, tenantId: string): Promise<string> {
  return await world.pool('bailiwick_operator').transaction(async (tx) => {
    await tx.query({
      text: `update security.user_role set revoked_at = now() where user_id = $1 and revoked_at is null`,
      values: [userId],
    });
    const { rows } = await tx.query<{ token: string }>({
      text: `select sync.token($1::text) as token`,
      values: [tenantId],
    });
    return rows[0]?.token ?? '';
  });
}

/** Tries until `work` resolves to true; resolves to the milliseconds that it took. Throws after `limitMs`. */
export async function until(work: () => Promise<boolean>, limitMs: number): Promise<number> {
  const startedAt = performance.now();
  for (;;) {
    if (await work()) return performance.now() - startedAt;
    if (performance.now() - startedAt > limitMs) throw new Error(`not within ${limitMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
