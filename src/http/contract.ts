/**
 * The contract as the HTTP layer reads it: openapi.yaml parsed, and its operations with what each of them needs.
 *
 * INVARIANT: an operation that states no `x-permission`, or that nobody carries out, stops the start with an error that
 * names it. tests/contract/start-up.test.ts.
 */
import { parse } from 'yaml';

/** The parts of an OpenAPI operation that are read here. */
export interface OperationObject {
  readonly operationId?: unknown;
  readonly 'x-permission'?: unknown;
  readonly 'x-audit'?: unknown;
  readonly 'x-secret-answer'?: unknown;
  readonly 'x-max-body-bytes'?: unknown;
  readonly 'x-max-body-keys'?: unknown;
  readonly 'x-before-password-change'?: unknown;
  readonly parameters?: readonly object[];
  readonly requestBody?: { readonly required?: boolean; readonly content?: object };
  readonly responses?: object;
}

/** The methods of one path, and the servers that it has instead of the document's. */
export type PathItem = Readonly<Record<string, OperationObject>> & { readonly servers?: readonly ServerObject[] };

interface ServerObject {
  readonly url: string;
}

export interface ContractDocument {
  readonly openapi: string;
  readonly info: object;
  readonly servers: readonly ServerObject[];
  readonly paths: Readonly<Record<string, PathItem>>;
  readonly components?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly [field: string]: unknown;
}

/** The most bytes and keys that a body may have. */
export interface BodyLimits {
  readonly maxBytes: number;
  readonly maxKeys: number;
}

/** Of an operation that states none of its own. */
export const BODY_LIMITS: BodyLimits = { maxBytes: 64 * 1024, maxKeys: 200 };

/** One operation of the document. */
export interface ContractOperation {
  readonly id: string;
  /** Upper case. */
  readonly method: string;
  /** The key in `paths`, e.g. `/admin/roles/{id}`. */
  readonly path: string;
  /** `public`, `decide`, `authenticated`, `platform` or the name of a permission. */
  readonly permission: string;
  /** The purposes of the entries that it writes (`x-audit`). */
  readonly audit: readonly string[];
  /** Whether it changes anything: it is no GET and states what is written down of it. */
  readonly isChange: boolean;
  /** Whether its answer holds a secret, which is shown once and kept nowhere. */
  readonly hasSecretAnswer: boolean;
  readonly takesBody: boolean;
  /** Whether its body may be a form as well as JSON. */
  readonly takesForm?: boolean;
  /** Whether a request may be repeated under its `idempotency-key`. */
  readonly takesKey?: boolean;
  /** What its body may be at most: `x-max-body-bytes` and `x-max-body-keys` where it states them. */
  readonly bodyLimits: BodyLimits;
  /** Where its path states servers of its own: what the path is appended to instead, e.g. '' for the root. */
  readonly basePath?: string;
  /** Whether it is open to whoever must change their password first. */
  readonly beforePasswordChange?: boolean;
}

const IDEMPOTENCY_KEY = '#/components/parameters/IdempotencyKey';
const METHODS = ['get', 'put', 'post', 'delete', 'patch'];

/** Parses the text of openapi.yaml. Throws an Error where it is no document of ours. */
export function parseContract(text: string): ContractDocument {
  const document: unknown = parse(text);
  if (typeof document !== 'object' || document === null || !('paths' in document) || !('servers' in document)) {
    throw new Error('openapi.yaml is not an OpenAPI document with `servers` and `paths`');
  }
  // Our own file, held to the OpenAPI schema and the house rules by tests/contract/house-rules.test.ts.
  return document as ContractDocument;
}

/** The path that every operation's own path is appended to, e.g. `/api/v1`. */
export function basePathOf(document: ContractDocument): string {
  return basePathIn(document.servers);
}

function basePathIn(servers: readonly ServerObject[]): string {
  return servers[0]?.url.replace(/\/$/, '') ?? '';
}

/** All operations. Throws an Error that names the first without an id or permission. */
export function operationsOf(document: ContractDocument): ContractOperation[] {
  const seen = new Set<string>();
  return Object.entries(document.paths).flatMap(([path, item]) =>
    METHODS.flatMap((key) => {
      const operation = item[key];
      if (operation === undefined) return [];
      const method = key.toUpperCase();
      const { operationId: id, 'x-permission': permission } = operation;
      if (typeof id !== 'string' || id === '') throw new Error(`\`${method} ${path}\` has no \`operationId\``);
      if (seen.has(id)) throw new Error(`operation \`${id}\` is in the contract twice`);
      seen.add(id);
      if (typeof permission !== 'string' || permission === '') {
        throw new Error(`operation \`${id}\` states no \`x-permission\``);
      }
      const audit = auditOf(operation, id);
      return [
        {
          id,
          method,
          path,
          permission,
          audit,
          isChange: method !== 'GET' && audit.length > 0,
          hasSecretAnswer: operation['x-secret-answer'] === true,
          takesBody: operation.requestBody !== undefined,
          takesForm: Object.hasOwn(operation.requestBody?.content ?? {}, 'application/x-www-form-urlencoded'),
          takesKey: operation.parameters?.some((one) => '$ref' in one && one.$ref === IDEMPOTENCY_KEY) ?? false,
          bodyLimits: bodyLimitsOf(id, operation),
          beforePasswordChange: operation['x-before-password-change'] === true,
          ...(item.servers === undefined ? {} : { basePath: basePathIn(item.servers) }),
        },
      ];
    }),
  );
}

function auditOf({ 'x-audit': stated = [] }: OperationObject, id: string): string[] {
  if (Array.isArray(stated) && stated.every((purpose) => typeof purpose === 'string')) return stated;
  throw new Error(`operation \`${id}\` states an \`x-audit\` that is no list of purposes`);
}

function bodyLimitsOf(id: string, operation: OperationObject): BodyLimits {
  const stated = (field: 'x-max-body-bytes' | 'x-max-body-keys', otherwise: number): number => {
    const value = operation[field] ?? otherwise;
    if (typeof value === 'number' && Number.isSafeInteger(value) && value > 0) return value;
    throw new Error(`operation \`${id}\` states a \`${field}\` that is no number of them`);
  };
  return {
    maxBytes: stated('x-max-body-bytes', BODY_LIMITS.maxBytes),
    maxKeys: stated('x-max-body-keys', BODY_LIMITS.maxKeys),
  };
}

/** The document cut down to one operation and to the components that it reaches. */
export function sliceOf(document: ContractDocument, operation: ContractOperation): ContractDocument {
  const { openapi, info, paths } = document;
  const servers = paths[operation.path]?.servers ?? document.servers;
  const key = operation.method.toLowerCase();
  const slice = { [operation.path]: { [key]: paths[operation.path]?.[key] ?? {} } };
  const components: Record<string, Record<string, unknown>> = {};
  const reach = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return;
    for (const [name, inner] of Object.entries(value)) {
      if (name !== '$ref' || typeof inner !== 'string') reach(inner);
      else reachComponent(inner);
    }
  };
  const reachComponent = (reference: string): void => {
    const [section = '', name = ''] = reference.replace('#/components/', '').split('/');
    const component = document.components?.[section]?.[name];
    if (component === undefined) throw new Error(`\`${reference}\` in the contract leads nowhere`);
    if (components[section]?.[name] !== undefined) return;
    (components[section] ??= {})[name] = component;
    reach(component);
  };
  reach(slice);
  // A copy: the validator writes into what it is given.
  return structuredClone({ openapi, info, servers, paths: slice, components });
}
