/** Guards for Fastify 5: `app.get('/team', { preHandler: requires('team.read') }, handler)`. */
import type { Permission } from './client.js';
import { createGuard, factsOf } from './guard.js';
import type { GuardOptions, RequireOptions } from './guard.js';

export { authOf } from './guard.js';
export type { About, Auth, GuardOptions, RequireOptions } from './guard.js';

/** What is used of Fastify. */
interface Request {
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly params: unknown;
}

interface Reply {
  code(status: number): unknown;
  headers(headers: Record<string, string>): unknown;
  send(body: string): unknown;
}

export type Hook = (request: Request, reply: Reply) => Promise<unknown>;

/** Makes `requires`: the hook that lets pass whoever has the permission, and answers everybody else. */
export function createRequires(options: GuardOptions) {
  const guard = createGuard(options);
  return (permission: Permission | (string & {}), { object }: RequireOptions = {}): Hook =>
    async (request, reply) => {
      const { headers, params } = request;
      const refusal = await guard.judge(request, { permission, object }, factsOf(headers, params));
      if (refusal === undefined) return undefined;
      reply.code(refusal.status);
      reply.headers({ ...refusal.headers });
      reply.send(refusal.body);
      // What an asynchronous hook resolves with says to Fastify that it is answered.
      return reply;
    };
}
