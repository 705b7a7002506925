import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Agent, request } from 'node:http';
import express from 'express';
import { middleware } from 'express-openapi-validator';
import { expect, test } from 'vitest';

import { AS_ADA, QUESTION, readOpenapi, startApp } from '../support/http-app.js';
import { createHttpServer } from '../../src/http/server.js';
import { memoryLog } from '../support/http-app.js';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

function heapMegabytes(): number {
  collectGarbage();
  collectGarbage();
  return process.memoryUsage().heapUsed / 1e6;
}

/** Sends made-up types: on a GET without a body, and as parameters of JSON posts. */
async function sendVariants(port: number, { from, count }: { from: number; count: number }): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: 4 });
  const send = (path: string, options: { method: string; type: string; body?: string }): Promise<void> =>
    new Promise((resolve, reject) => {
      const { method, type, body } = options;
      const headers = { ...AS_ADA, 'content-type': type };
      const sent = request({ port, path, agent, method, headers }, (response) => {
        response.resume().on('end', resolve);
      });
      sent.on('error', reject).end(body);
    });
  for (let at = from; at < from + count; at += 1) {
    await send('/api/v1/openapi.json', { method: 'GET', type: `application/x-${at}` });
    await send('/api/v1/check', { method: 'POST', type: `application/json; x${at}=y`, body: JSON.stringify(QUESTION) });
    await send('/api/v1/check', { method: 'POST', type: `text/x-${at}`, body: '{}' });
  }
  agent.destroy();
}

async function growth(port: number, variants: number): Promise<number> {
  await sendVariants(port, { from: 0, count: 100 });
  const before = heapMegabytes();
  await sendVariants(port, { from: 100, count: variants });
  return heapMegabytes() - before;
}

test('2,000 made-up content types leave the heap flat', async () => {
  const app = await startApp();
  // The log that the test keeps is no heap of the service.
  const forget = setInterval(() => {
    app.lines.length = 0;
    app.seen.length = 0;
  }, 20);
  const grown = await growth(app.port, 2_000);
  clearInterval(forget);
  await app.server.stop();
  expect(grown).toBeLessThan(4);
}, 60_000);

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
  const grown = await growth(server.address().port, 400);
  await server.stop();
  expect(grown).toBeGreaterThan(8);
}, 60_000);
