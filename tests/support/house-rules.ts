/**
 * The house rules over openapi.yaml, as a function from a document to what breaks them, so that each rule can be shown
 * to fail.
 */
import { PROBLEMS } from '../../src/shared/problem.js';

/** Schemas that may be open: an OpenAPI document, whose form is not ours, and what an entry says, which its purpose decides. */
const OPEN_SCHEMAS = new Set(['ContractDocument', 'EntryDetails']);
const METHODS = new Set(['get', 'put', 'post', 'delete', 'patch', 'head', 'options', 'trace']);
const PURPOSE = /^[a-z_]+\.[a-z_]+$/;
const PERMISSION = /^(public|decide|authenticated|platform|[a-z][a-z0-9_]*(\.[a-z0-9_]+)+)$/;

const FORM = 'application/x-www-form-urlencoded';

type Json = Record<string, unknown>;

const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const fields = (value: unknown): [string, unknown][] => (isObject(value) ? Object.entries(value) : []);
const at = (value: unknown, ...path: string[]): unknown =>
  path.reduce<unknown>((inner, key) => (isObject(inner) ? inner[key] : undefined), value);

/** Every breach, as `where: what`. */
export function houseRuleBreaches(document: object): string[] {
  const breaches: string[] = [];
  for (const [path, item] of fields(at(document, 'paths'))) {
    for (const [method, operation] of fields(item)) {
      if (method === 'servers') continue;
      if (!METHODS.has(method)) breaches.push(`${path}: \`${method}\` is no method`);
      else breaches.push(...operationBreaches(document, { name: `${method} ${path}`, operation, method }));
    }
  }
  for (const [name, schema] of fields(at(document, 'components', 'schemas'))) {
    if (OPEN_SCHEMAS.has(name)) continue;
    breaches.push(...schemaBreaches(schema, name));
  }
  const codes = at(document, 'components', 'schemas', 'ProblemCode', 'enum');
  if (JSON.stringify(sorted(codes)) !== JSON.stringify(Object.keys(PROBLEMS).sort())) {
    breaches.push('ProblemCode: is not the list of problem codes');
  }
  return breaches;
}

function sorted(values: unknown): unknown[] {
  return Array.isArray(values) ? [...(values as unknown[])].sort() : [];
}

function operationBreaches(
  document: object,
  { name, operation, method }: { name: string; operation: unknown; method: string },
): string[] {
  const breaches: string[] = [];
  const need = (holds: boolean, what: string): unknown => holds || breaches.push(`${name}: ${what}`);
  for (const field of ['operationId', 'summary', 'description']) {
    need(typeof at(operation, field) === 'string' && at(operation, field) !== '', `has no \`${field}\``);
  }
  const permission = at(operation, 'x-permission');
  need(typeof permission === 'string' && PERMISSION.test(permission), 'states no valid `x-permission`');
  const audit = at(operation, 'x-audit');
  const isPurposes = Array.isArray(audit) && audit.every((name) => typeof name === 'string' && PURPOSE.test(name));
  need(audit === undefined || isPurposes, '`x-audit` is no list of purposes');
  const mayBeSilent = method === 'get' || permission === 'decide' || permission === 'public';
  need(mayBeSilent || audit !== undefined, 'does not state its `x-audit`');
  if (JSON.stringify(at(operation, 'parameters') ?? []).includes('#/components/parameters/IdempotencyKey')) {
    need(method === 'post' && Array.isArray(audit) && audit.length > 0, 'takes a key and is no POST that changes');
    need(
      !holdsPassword(document, at(operation, 'requestBody')),
      'takes a key, and a digest of the password would be kept',
    );
  }
  const declared = at(document, 'tags');
  const tags = at(operation, 'tags');
  const names = Array.isArray(declared) ? declared.map((tag: unknown) => at(tag, 'name')) : [];
  need(Array.isArray(tags) && tags.length === 1 && names.includes(tags[0]), 'does not have one declared tag');

  const responses = fields(at(operation, 'responses'));
  const statuses = responses.map(([status]) => status);
  const takesBody = at(operation, 'requestBody') !== undefined;
  const expected = [
    '400',
    '500',
    ...(permission === 'public' ? [] : ['401', '403']),
    ...(takesBody ? ['413', '415'] : []),
  ];
  for (const status of expected) need(statuses.includes(status), `has no ${status}`);
  for (const [status, response] of responses.filter(([status]) => !status.startsWith('2'))) {
    need(at(response, '$ref') === '#/components/responses/Problem', `${status} is not the shared problem`);
  }
  if (takesBody) {
    need(method !== 'get' && at(operation, 'requestBody', 'required') === true, 'its body is not required');
    const types = fields(at(operation, 'requestBody', 'content')).map(([type]) => type);
    const [first, ...others] = types;
    need(first === 'application/json' && others.every((type) => type === FORM), 'takes more than JSON or a form');
    const schemas = fields(at(operation, 'requestBody', 'content')).map(([, kind]) =>
      JSON.stringify(at(kind, 'schema')),
    );
    need(new Set(schemas).size === 1, 'a form of it is another body than in JSON');
  }
  for (const [where, schema] of inlineSchemas(operation)) breaches.push(...schemaBreaches(schema, `${name} ${where}`));
  return breaches;
}

/** Whether a field of what is asked for, or of what that refers to, is a password. */
function holdsPassword(document: object, value: unknown): boolean {
  if (Array.isArray(value)) return value.some((inner) => holdsPassword(document, inner));
  return fields(value).some(([key, inner]) => {
    if (key === '$ref') return holdsPassword(document, at(document, ...String(inner).replace('#/', '').split('/')));
    return (/password$/i.test(key) && isObject(inner) && inner['type'] !== 'boolean') || holdsPassword(document, inner);
  });
}

/** Every `schema` inside an operation, with where it stands. */
function inlineSchemas(value: unknown, where = ''): [string, unknown][] {
  if (Array.isArray(value)) return value.flatMap((inner, index) => inlineSchemas(inner, `${where}/${index}`));
  return fields(value).flatMap(([key, inner]): [string, unknown][] =>
    key === 'schema' ? [[`${where}/schema`, inner]] : inlineSchemas(inner, `${where}/${key}`),
  );
}

function schemaBreaches(schema: unknown, where: string): string[] {
  if (!isObject(schema)) return [`${where}: is not a schema`];
  if (schema['$ref'] !== undefined || schema['enum'] !== undefined || schema['const'] !== undefined) return [];
  const breaches: string[] = [];
  const { type } = schema;
  const bounded = (...keys: string[]): void => {
    for (const key of keys) if (typeof schema[key] !== 'number') breaches.push(`${where}: has no \`${key}\``);
  };
  if (type === 'object' && schema['additionalProperties'] !== false) breaches.push(`${where}: is open`);
  if (type === 'string') bounded('maxLength');
  if (type === 'array') bounded('maxItems');
  if (type === 'integer' || type === 'number') bounded('minimum', 'maximum');
  const alternatives = ['oneOf', 'anyOf', 'allOf'].flatMap((key): unknown[] =>
    Array.isArray(schema[key]) ? schema[key] : [],
  );
  if (type === undefined && alternatives.length === 0) breaches.push(`${where}: has no type`);
  return [
    ...breaches,
    ...alternatives.flatMap((inner: unknown, index) => schemaBreaches(inner, `${where}/${index}`)),
    ...fields(schema['properties']).flatMap(([key, inner]) => schemaBreaches(inner, `${where}.${key}`)),
    ...(schema['items'] === undefined ? [] : schemaBreaches(schema['items'], `${where}[]`)),
  ];
}
