/** Guards for Express 4 and 5: `app.get('/team', requires('team.read'), handler)`. */
import type { Permission } from './client.js';
import { createGuard, factsOf } from './guard.js';
import type { GuardOptions, RequireOptions } from './guard.js';

export { authOf } from './guard.js';
export type { About, Auth, GuardOptions, RequireOptions } from './guard.js';

/** What is used of Express; said so loosely that the types of a route's own handlers stay what they are without it. */
interface Request {
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

interface Response {
  status(code: number): unknown;
  set(headers: Record<string, string>): unknown;
  send(body: unknown): unknown;
}

export type Middleware = (request: Request, response: Response, next: () => void) => Promise<void>;

/** Makes `requires`: the middleware that lets pass whoever has the permission, and answers everybody else. */
export function createRequires(options: GuardOptions) {
  const guard = createGuard(options);
  return (permission: Permission | (string & {}), { object }: RequireOptions = {}): Middleware =>
    async (request, response, next) => {
      const facts = factsOf(request.headers, 'params' in request ? request.params : {});
      const refusal = await guard.judge(request, { permission, object }, facts);
      if (refusal === undefined) {
        next();
        return;
      }
      response.status(refusal.status);
      response.set({ ...refusal.headers });
      response.send(refusal.body);
    };
}
