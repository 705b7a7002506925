import { expect, test } from 'vitest';

import { basePathOf, BODY_LIMITS, type ContractOperation, operationsOf, sliceOf } from '../../src/http/contract.js';
import { createRoutes } from '../../src/http/routes.js';
import { readOpenapi } from '../support/http-app.js';

test('every operation is validated by a document of one path with one method, and of what that reaches', () => {
  const document = readOpenapi();
  for (const operation of operationsOf(document)) {
    const { paths, components } = sliceOf(document, operation);
    expect(Object.entries(paths).map(([path, item]) => [path, Object.keys(item)])).toEqual([
      [operation.path, [operation.method.toLowerCase()]],
    ]);
    expect(Object.keys(components?.['schemas'] ?? {})).toContain('Problem');
  }
  const [check, listObjects] = ['check', 'listObjects'].map((id) =>
    operationsOf(document).find((one) => one.id === id),
  );
  expect(schemasOf(check)).toContain('CheckRequest');
  expect(schemasOf(check)).not.toContain('ObjectPage');
  expect(schemasOf(listObjects)).toContain('ObjectPage');
  expect(schemasOf(listObjects)).not.toContain('CheckRequest');

  function schemasOf(operation: ContractOperation | undefined): string[] {
    return operation === undefined ? [] : Object.keys(sliceOf(document, operation).components?.['schemas'] ?? {});
  }
});

test('a slice is a copy: what the validator does to it leaves the contract alone', () => {
  const document = readOpenapi();
  for (const operation of operationsOf(document)) {
    const { paths } = sliceOf(document, operation);
    Object.assign(paths[operation.path] ?? {}, { post: null, get: null });
  }
  expect(document).toEqual(readOpenapi());
});

const operation = (method: string, path: string): ContractOperation => ({
  id: `${method} ${path}`,
  method,
  path,
  permission: 'public',
  takesBody: false,
  audit: [],
  isChange: false,
  hasSecretAnswer: false,
  bodyLimits: BODY_LIMITS,
});

test.each([
  ['GET', '/api/roles', 'GET /roles'],
  ['GET', '/api/roles/r1', 'GET /roles/{id}'],
  ['GET', '/api/roles/mine', 'GET /roles/mine'],
  ['PUT', '/api/roles/mine/permissions', 'PUT /roles/{id}/permissions'],
  ['PUT', '/api/roles/mine', ['GET']],
  ['PUT', '/api/roles', ['GET', 'POST']],
  ['GET', '/api/roles/', undefined],
  ['GET', '/api/roles//permissions', undefined],
  ['GET', '/api/roles/r1/x', undefined],
  ['GET', '/roles', undefined],
  ['GET', 'api/roles', undefined],
  ['GET', '/api', undefined],
  ['GET', '', undefined],
])('%s %s', (method, path, expected) => {
  const match = createRoutes(
    [
      operation('GET', '/roles'),
      operation('POST', '/roles'),
      operation('GET', '/roles/{id}'),
      operation('GET', '/roles/mine'),
      operation('PUT', '/roles/{id}/permissions'),
    ],
    '/api',
  );
  const route = match(method, path);
  if (expected === undefined) expect(route).toEqual({ found: 'nothing' });
  else if (typeof expected === 'string')
    expect(route).toMatchObject({ found: 'operation', operation: { id: expected } });
  else expect(route).toEqual({ found: 'path', allow: expected });
});

test('the base path is the one of `servers`', () => {
  expect(basePathOf(readOpenapi())).toBe('/api/v1');
});
