import { expect, test } from 'vitest';

import { operationsOf } from '../../src/http/contract.js';
import type { Endpoint } from '../../src/http/exchange.js';
import { createValidator } from '../../src/http/validation.js';
import { warmUp } from '../../src/http/warm-up.js';
import { readOpenapi } from '../support/http-app.js';

const document = readOpenapi();
const handler = () => Promise.reject(new Error('nothing is carried out'));

test('what programs and the sign-in page ask for has been through its validator, to the end', async () => {
  const found = new Map<string, unknown>();
  const endpoints = operationsOf(document).map((operation): Endpoint => {
    const validate = createValidator(document, { operation, validateResponses: false });
    return {
      ...operation,
      handler,
      validate: async (...request) => {
        await validate(...request).then(
          () => found.set(operation.id, 'valid'),
          (error: unknown) => found.set(operation.id, error),
        );
      },
    };
  });
  await warmUp(endpoints, '/api/v1');
  const wanted = endpoints.filter(({ permission }) => ['decide', 'public'].includes(permission));
  expect([...found.keys()]).toEqual(wanted.map(({ id }) => id));
  expect(wanted.map(({ id }) => id)).toEqual(expect.arrayContaining(['check', 'batchCheck', 'signIn']));
  // An address that the validator does not know would be 404 there, before anything is compiled.
  for (const { id } of wanted) {
    const result = found.get(id);
    if (result !== 'valid') expect(result, id).toMatchObject({ status: 400 });
  }
});
