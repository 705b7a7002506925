/** Guards for Hono 4, on any runtime that has `fetch`: `app.get('/team', requires('team.read'), handler)`. */
import type { Permission } from './client.js';
import { createGuard } from './guard.js';
import type { GuardOptions, RequireOptions } from './guard.js';

export type { About, Auth, GuardOptions, RequireOptions } from './guard.js';
/** Takes the request that Hono wraps: `authOf(context.req.raw)`. */
export { authOf } from './guard.js';

/** What is used of Hono. */
interface Context {
  readonly req: {
    readonly raw: Request;
    header(name: string): string | undefined;
    param(): Readonly<Record<string, string | undefined>>;
  };
}

export type Middleware = (context: Context, next: () => Promise<void>) => Promise<Response | undefined>;

/** Makes `requires`: the middleware that lets pass whoever has the permission, and answers everybody else. */
export function createRequires(options: GuardOptions) {
  const guard = createGuard(options);
  return (permission: Permission | (string & {}), { object }: RequireOptions = {}): Middleware =>
    async ({ req }, next) => {
      const refusal = await guard.judge(
        req.raw,
        { permission, object },
        {
          authorization: req.header('authorization'),
          syncToken: req.header('x-sync-token'),
          params: () => req.param(),
        },
      );
      if (refusal === undefined) {
        await next();
        return undefined;
      }
      return new Response(refusal.body, { status: refusal.status, headers: { ...refusal.headers } });
    };
}
