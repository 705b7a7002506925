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
      route: (operation.basePath ?? '/api/v1') + operation.path,
      handler,
      validate: async (...request) => {
        await validate(...request).then(
          () => found.set(operation.id, 'valid'),
          (error: unknown) => found.set(operation.id, error),
        );
      },
    };
  });
  await warmUp(endpoints);
  const wanted = endpoints.filter(({ permission }) => ['decide', 'public'].includes(permission));
  expect([...found.keys()]).toEqual(wanted.map(({ id }) => id));
  expect(wanted.map(({ id }) => id)).toEqual(expect.arrayContaining(['check', 'batchCheck', 'signIn']));
  // Refused by the schema itself, field by field: a request for an address that the validator does not know is let through.
  for (const { id, takesBody } of wanted) {
    if (takesBody) expect(String(found.get(id)), id).toContain('must have required property');
    else expect(found.get(id), id).toBe('valid');
  }
});
