import { afterEach, expect, test } from 'vitest';

import type { ContractDocument } from '../../src/http/contract.js';
import { parseContract } from '../../src/http/contract.js';
import { readOpenapi, type RunningApp, startApp, stubOperations } from '../support/http-app.js';

let started: RunningApp | undefined;
afterEach(async () => {
  await started?.server.stop();
  started = undefined;
});

/** The contract with `check` changed. */
function withCheck(change: Record<string, unknown>): ContractDocument {
  const document = structuredClone(readOpenapi());
  Object.assign(document.paths['/check']?.['post'] ?? {}, change);
  return document;
}

test('the contract as it is starts', async () => {
  started = await startApp();
  expect((await fetch(`${started.base}/openapi.json`)).status).toBe(200);
});

test.each([
  ['no `x-permission`', { 'x-permission': undefined }, 'operation `check` states no `x-permission`'],
  ['an empty `x-permission`', { 'x-permission': '' }, 'operation `check` states no `x-permission`'],
  ['no `operationId`', { operationId: undefined }, '`POST /check` has no `operationId`'],
  ['the id of another', { operationId: 'listObjects' }, 'operation `listObjects` is in the contract twice'],
  ['an id that nobody carries out', { operationId: 'constructor' }, 'operation `constructor` has no handler'],
  ['a size that is none', { 'x-max-body-bytes': '64k' }, 'operation `check` states a `x-max-body-bytes`'],
  [
    'a reference that leads nowhere',
    { parameters: [{ $ref: '#/components/parameters/Nothing' }] },
    '`#/components/parameters/Nothing` in the contract leads nowhere',
  ],
])('an operation with %s does not start', async (_name, change, message) => {
  await expect(startApp({ document: withCheck(change) })).rejects.toThrow(message);
});

test('a missing handler does not start', async () => {
  const { operations } = stubOperations(readOpenapi());
  const others = Object.entries(operations).filter(([id]) => id !== 'check');
  await expect(startApp({ operations: Object.fromEntries(others) })).rejects.toThrow(
    'operation `check` has no handler',
  );
});

test('a file that is no contract is refused', () => {
  expect(() => parseContract('- 1')).toThrow('is not an OpenAPI document');
});
