/**
 * What the guards of all frameworks share: from a request to leave to go on, or to the answer that it gets instead.
 *
 *   no token, or none that is active → 401 · denied → 403 · whatever else is not an allow → 503
 *
 * The subject is who the service says the token is, now; nothing that the request says besides is believed.
 * INVARIANT: `allowed` comes of one answer, `allowed: true` to the check; every other path refuses.
 */
import type { ActiveToken, CallOptions, Client, Permission } from './client.js';
import { BailiwickError } from './client.js';

/** Who asks, as established by the service. */
export interface Auth {
  readonly userId: string;
  /** Left out of platform users who are in no tenant; a guard lets nobody pass without one. */
  readonly tenantId: string | undefined;
  readonly roles: readonly string[];
  /** Everyone below, up to a hundred; undefined where there are more: list them. */
  readonly managedUserIds: readonly string[] | undefined;
  /** While a platform admin acts in the tenant. */
  readonly impersonationId: string | undefined;
}

export interface GuardOptions {
  readonly client: Client;
  /**
   * Who the bearer of a token is; undefined: nobody. The service is asked where this is left out. Set it for tokens of
   * another issuer, which you verify yourself: issuer, audience, algorithm and expiry.
   */
  readonly authenticate?: (token: string, call: CallOptions) => Promise<Auth | undefined>;
  /** For each of the two calls that a guard makes; the client's own where left out. */
  readonly timeoutMs?: number;
  /** Hears of whatever was answered 503, for the log. */
  readonly onError?: (error: unknown) => void;
}

export interface RequireOptions {
  /** What it is about, `record:<id>` or `profile:<userId>`; the tenant where left out. */
  readonly object?: string | ((about: About) => string) | undefined;
}

export interface About {
  /** Of the route. */
  readonly params: Readonly<Record<string, string | undefined>>;
  readonly auth: Auth;
}

/** What a framework's request looks like here. */
export interface Facts {
  readonly authorization: string | undefined;
  readonly syncToken: string | undefined;
  readonly params: () => About['params'];
}

export interface Refusal {
  readonly status: 401 | 403 | 503;
  readonly headers: Readonly<Record<string, string>>;
  /** `application/problem+json`. */
  readonly body: string;
}

export interface Guard {
  /** Undefined: go on. */
  judge(
    request: object,
    needed: { readonly permission: Permission | (string & {}) } & RequireOptions,
    facts: Facts,
  ): Promise<Refusal | undefined>;
}

/** Of a request as Node's frameworks have it. */
export function factsOf(headers: Readonly<Record<string, unknown>>, params: unknown): Facts {
  const textOf = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);
  return {
    authorization: textOf(headers['authorization']),
    syncToken: textOf(headers['x-sync-token']),
    params: () => Object.fromEntries(Object.entries(params ?? {}).map(([name, value]) => [name, textOf(value)])),
  };
}

const known = new WeakMap<object, Auth>();

/** Who asks, behind a guard. Throws where the request came by none. */
export function authOf(request: object): Auth {
  const auth = known.get(request);
  if (auth === undefined) throw new Error('no guard has let this request pass');
  return auth;
}

export function createGuard({ client, authenticate = introspecting(client), timeoutMs, onError }: GuardOptions): Guard {
  const call: CallOptions = timeoutMs === undefined ? {} : { timeoutMs };
  /** A request with several guards is asked for once. */
  const asked = new WeakMap<object, Promise<Auth | undefined>>();

  function whoAsks(request: object, token: string): Promise<Auth | undefined> {
    const asking = asked.get(request) ?? authenticate(token, call);
    asked.set(request, asking);
    return asking;
  }

  const judge: Guard['judge'] = async (request, { permission, object }, { authorization, syncToken, params }) => {
    const token = /^Bearer +([!-~]+)$/i.exec(authorization ?? '')?.[1];
    if (token === undefined) return unauthenticated('a Bearer token is needed', 'Bearer');
    const auth = await whoAsks(request, token);
    if (auth === undefined) return unauthenticated('the token is not active', 'Bearer error="invalid_token"');
    const { userId: user, tenantId: tenant } = auth;
    if (tenant === undefined) return refusal(403, 'the token speaks for no tenant');
    const about = typeof object === 'function' ? object({ params: params(), auth }) : object;
    const question = { user, tenant, permission, ...(about === undefined ? {} : { object: about }) };
    const { allowed } = await client.check(question, { ...call, syncToken });
    if (!allowed) return denied(permission);
    known.set(request, auth);
    return undefined;
  };

  return {
    judge: (request, needed, facts) =>
      judge(request, needed, facts).catch((error: unknown) => {
        // An address that can name nothing is nobody's; the rest of the question is the program's own.
        const isNoObject = error instanceof BailiwickError && error.status === 400 && isEvery(error.fields, 'object');
        if (isNoObject) return denied(needed.permission);
        onError?.(error);
        const seconds = error instanceof BailiwickError ? (error.retryAfterSeconds ?? 1) : 1;
        const detail = 'whether this is allowed could not be decided';
        return refusal(503, detail, { 'retry-after': String(seconds) });
      }),
  };
}

function isEvery(fields: readonly string[], name: string): boolean {
  return fields.length > 0 && fields.every((field) => field === name);
}

const introspecting =
  (client: Client) =>
  async (token: string, call: CallOptions): Promise<Auth | undefined> => {
    const answer = await client.introspect(token, call);
    return answer.active ? authFrom(answer) : undefined;
  };

function authFrom(token: ActiveToken): Auth {
  return {
    userId: token.sub,
    tenantId: token.tenant_id,
    roles: token.roles ?? [],
    managedUserIds: token.managed_user_ids_omitted === true ? undefined : (token.managed_user_ids ?? []),
    impersonationId: token.act?.impersonation_id,
  };
}

function denied(permission: string): Refusal {
  return refusal(403, `\`${permission}\` is needed`);
}

function unauthenticated(detail: string, challenge: string): Refusal {
  return refusal(401, detail, { 'www-authenticate': challenge });
}

const KINDS = {
  401: { code: 'UNAUTHENTICATED', title: 'Who is asking is not known' },
  403: { code: 'FORBIDDEN', title: 'Not allowed' },
  503: { code: 'CANNOT_DECIDE', title: 'Cannot be decided now' },
} as const;

function refusal(status: Refusal['status'], detail: string, headers: Readonly<Record<string, string>> = {}): Refusal {
  const { code, title } = KINDS[status];
  return {
    status,
    headers: { 'content-type': 'application/problem+json; charset=utf-8', 'cache-control': 'no-store', ...headers },
    body: JSON.stringify({ type: 'about:blank', title, status, detail, code }),
  };
}
