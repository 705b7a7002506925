import { middleware } from 'express-openapi-validator';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';

import { type ContractDocument, operationsOf } from '../../src/http/contract.js';
import { ID_PATTERN } from '../../src/shared/ids.js';
import { Problem } from '../../src/shared/problem.js';
import { houseRuleBreaches } from '../support/house-rules.js';
import { AS_ADA, readOpenapi, type RunningApp, startApp, stubOperations } from '../support/http-app.js';

/** The document as plain JSON, to be broken. */
const editable = () => structuredClone(readOpenapi()) as unknown as Editable;
interface Editable {
  paths: Record<string, Record<string, Record<string, unknown>>>;
  components: { schemas: Record<string, Record<string, unknown>> };
}

test('the contract is a valid OpenAPI 3.1 document', async () => {
  expect(readOpenapi().openapi).toBe('3.1.0');
  expect(await apiSpecFault(readOpenapi())).toBeUndefined();
});

test('a document that is not OpenAPI is found out', async () => {
  const document = { ...readOpenapi(), info: 7 };
  expect(await apiSpecFault(document as never)).toBeDefined();
});

function apiSpecFault(document: ContractDocument): Promise<unknown> {
  // The validator prints what it finds.
  vi.spyOn(console, 'error').mockReturnValue(undefined);
  const [load] = middleware({ apiSpec: document as never, validateApiSpec: true });
  return new Promise<unknown>((resolve) => {
    void load?.({ app: { param: () => undefined } } as never, {} as never, resolve);
  }).finally(() => vi.restoreAllMocks());
}

const IDEMPOTENCY_KEY = { $ref: '#/components/parameters/IdempotencyKey' };

test('the contract keeps the house rules', () => {
  expect(houseRuleBreaches(readOpenapi())).toEqual([]);
});

test.each<[string, (document: Editable) => unknown, string]>([
  [
    'no permission',
    ({ paths }) => delete paths['/check']?.['post']?.['x-permission'],
    'states no valid `x-permission`',
  ],
  ['no operation id', ({ paths }) => delete paths['/check']?.['post']?.['operationId'], 'has no `operationId`'],
  ['no description', ({ paths }) => delete paths['/check']?.['post']?.['description'], 'has no `description`'],
  ['an undeclared tag', ({ paths }) => Object.assign(paths['/check']?.['post'] ?? {}, { tags: ['x'] }), 'declared tag'],
  [
    'no 401',
    ({ paths }) => delete (paths['/check']?.['post']?.['responses'] as Record<string, unknown>)['401'],
    'has no 401',
  ],
  [
    'a change that nothing is written down of',
    ({ paths }) => delete paths['/admin/roles']?.['post']?.['x-audit'],
    'does not state its `x-audit`',
  ],
  [
    'a purpose that is none',
    ({ paths }) => Object.assign(paths['/admin/roles']?.['post'] ?? {}, { 'x-audit': ['Role'] }),
    '`x-audit` is no list of purposes',
  ],
  [
    'a key for what changes nothing',
    ({ paths }) => Object.assign(paths['/check']?.['post'] ?? {}, { parameters: [IDEMPOTENCY_KEY] }),
    'post /check: takes a key and is no POST that changes',
  ],
  [
    'a key for a password',
    ({ paths }) => Object.assign(paths['/auth/change-password']?.['post'] ?? {}, { parameters: [IDEMPOTENCY_KEY] }),
    'takes a key, and a digest of the password would be kept',
  ],
  [
    'a form that is another body than the JSON',
    ({ paths }) =>
      Object.assign((paths['/check']?.['post']?.['requestBody'] as { content: Record<string, unknown> }).content, {
        'application/x-www-form-urlencoded': { schema: { type: 'boolean' } },
      }),
    'a form of it is another body than in JSON',
  ],
  [
    'a body that is neither JSON nor a form',
    ({ paths }) =>
      Object.assign((paths['/check']?.['post']?.['requestBody'] as { content: Record<string, unknown> }).content, {
        'text/plain': { schema: { $ref: '#/components/schemas/CheckRequest' } },
      }),
    'takes more than JSON or a form',
  ],
  [
    'an error of its own',
    ({ paths }) => Object.assign(paths['/check']?.['post']?.['responses'] as object, { 400: { description: 'x' } }),
    'not the shared problem',
  ],
  [
    'an open object',
    ({ components }) => delete components.schemas['CheckRequest']?.['additionalProperties'],
    'CheckRequest: is open',
  ],
  ['an unbounded string', ({ components }) => delete components.schemas['Id']?.['maxLength'], 'Id: has no `maxLength`'],
  [
    'an unbounded list',
    ({ components }) =>
      Object.assign(components.schemas['ObjectPage']?.['properties'] as object, {
        items: { type: 'array', items: { type: 'boolean' } },
      }),
    'ObjectPage.items: has no `maxItems`',
  ],
  [
    'an unbounded number',
    ({ components }) =>
      Object.assign(components.schemas['CheckRequest']?.['properties'] as object, { n: { type: 'integer' } }),
    'CheckRequest.n: has no `minimum`',
  ],
  ['a schema without a type', ({ components }) => Object.assign(components.schemas, { Any: {} }), 'Any: has no type'],
  [
    'a code too many',
    ({ components }) => (components.schemas['ProblemCode']?.['enum'] as string[]).push('X'),
    'not the list of problem codes',
  ],
])('the rules find %s', (_name, breakIt, breach) => {
  const document = editable();
  breakIt(document);
  expect(houseRuleBreaches(document).join('\n')).toContain(breach);
});

test('a POST that changes something takes an `idempotency-key`, but for one with a password, the test mail and signing out', () => {
  const posts = operationsOf(readOpenapi()).filter(
    ({ method, isChange, permission }) => method === 'POST' && isChange && permission !== 'public',
  );
  expect(posts.length).toBeGreaterThan(20);
  expect(posts.filter(({ takesKey }) => takesKey !== true).map(({ id }) => id)).toEqual([
    'testMailer',
    'changePassword',
    // a second time its token is refused
    'signOut',
  ]);
});

test('ids in the contract are the ids of the code', () => {
  expect(editable().components.schemas['Id']?.['pattern']).toBe(ID_PATTERN.source);
  expect(editable().components.schemas['ObjectName']?.['pattern']).toBe(
    `^(profile|record):${ID_PATTERN.source.slice(1)}`,
  );
});

describe('examples', () => {
  interface Example {
    id: string;
    method: string;
    path: string;
    name: string;
    body: unknown;
    answer: unknown;
  }
  const withBody = Object.entries(editable().paths).flatMap(([path, item]) =>
    Object.entries(item).flatMap(([method, operation]) =>
      operation['requestBody'] === undefined ? [] : [{ path, method, operation }],
    ),
  );
  const examples = withBody.flatMap(({ path, method, operation }): Example[] => {
    const of = (content: unknown): [string, { value: unknown }][] =>
      Object.entries(
        (content as Record<string, { examples?: Record<string, { value: unknown }> }>)['application/json']?.examples ??
          {},
      );
    const answers = of((operation['responses'] as Record<string, { content: unknown }>)['200']?.content ?? {});
    return of((operation['requestBody'] as { content: unknown }).content).map(([name, { value }], index) => ({
      id: String(operation['operationId']),
      method: method.toUpperCase(),
      path: path.replaceAll(/\{[^}]+\}/g, 'one'),
      name,
      body: value,
      answer: answers[Math.min(index, answers.length - 1)]?.[1].value,
    }));
  });
  let answer: unknown;
  let app: RunningApp;

  beforeAll(async () => {
    const { operations } = stubOperations(readOpenapi());
    // What gets as far as its handler was accepted.
    const stub = () =>
      answer === undefined
        ? Promise.reject(new Problem('NOT_FOUND', 'accepted, and not carried out'))
        : Promise.resolve({ status: 200, body: answer });
    app = await startApp({ operations: Object.fromEntries(Object.keys(operations).map((id) => [id, stub])) });
  });
  afterAll(() => app.server.stop());

  test('every operation with a body has some', () => {
    expect(new Set(examples.map(({ id }) => id))).toEqual(
      new Set(withBody.map(({ operation }) => operation['operationId'])),
    );
  });

  test.each(examples)('$id: $name is accepted, and answered where an answer is shown', async (example) => {
    answer = example.answer;
    const response = await fetch(app.base + example.path, {
      method: example.method,
      headers: { ...AS_ADA, 'content-type': 'application/json' },
      body: JSON.stringify(example.body),
    });
    const body: unknown = await response.json();
    if (answer === undefined) expect(body).toMatchObject({ code: 'NOT_FOUND' });
    else expect(body).toEqual(answer);
  });
});
