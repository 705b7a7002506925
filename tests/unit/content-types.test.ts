/** The validator by itself: what tests/contract/hostile-content-type.test.ts would see without our care. */
import express from 'express';
import { middleware } from 'express-openapi-validator';
import { expect, test } from 'vitest';

import { createHttpServer } from '../../src/http/server.js';
import { heapGrowth } from '../support/content-types.js';
import { memoryLog, readOpenapi } from '../support/http-app.js';

test('without our care the validator grows: the test above can fail', async () => {
  const app = express();
  app.use(express.json());
  app.use(middleware({ apiSpec: readOpenapi() as never, validateSecurity: false, validateApiSpec: false }));
  app.use((_request, response) => void response.json({}));
  // Express knows an error handler by its four parameters.
  const refuse: express.ErrorRequestHandler = (...[, , response]) => {
    response.status(400).end();
  };
  Object.defineProperty(refuse, 'length', { value: 4 });
  app.use(refuse);
  const { log } = memoryLog();
  const server = createHttpServer({ name: 'naive server', host: '127.0.0.1', port: 0, app, log });
  await server.start();
  // Others share the process and give up of its heap meanwhile, so growth may take a few rounds to show.
  let grown = 0;
  for (let sent = 10; sent < 250 && grown <= 1; sent += 40) {
    grown += Math.max(0, await heapGrowth(server.address().port, { warmUp: sent, variants: 40 }));
  }
  await server.stop();
  // That is some 15 MB over as many as are sent there.
  expect(grown).toBeGreaterThan(1);
}, 60_000);
