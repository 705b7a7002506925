/**
 * What the first request of an operation would make everybody wait for, made before there is one.
 *
 * The validator of an operation is compiled at its first request, for 35 to 100 ms in which nothing else is answered: one
 * in a thousand requests of a service that answers in milliseconds. What programs and the sign-in page ask for is
 * therefore made at the start, about half a second of it; what the console asks for waits for its first request.
 */
import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';

import express from 'express';

import type { Endpoint } from './exchange.js';

/** Compiles the validators of the operations that are for anybody, or decide. Never rejects: it is tried again later. */
export async function warmUp(endpoints: readonly Endpoint[]): Promise<void> {
  for (const endpoint of endpoints) {
    if (endpoint.permission !== 'decide' && endpoint.permission !== 'public') continue;
    await validateNothing(endpoint, endpoint.route.replace(/\{\w+\}/g, 'x'));
    // Between two of them, whatever else is starting has its turn.
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Puts a request that came from nobody to the validator, as Express would hand it over. */
function validateNothing(endpoint: Endpoint, url: string): Promise<void> {
  return new Promise((resolve) => {
    const app = express();
    app.use((request, response) => {
      request.body = {};
      void endpoint
        .validate(request, response, () => undefined)
        .catch(() => undefined)
        .finally(resolve);
    });
    const request = new IncomingMessage(new Socket());
    const { method } = endpoint;
    Object.assign(request, { method, url, headers: { host: 'localhost', 'content-type': 'application/json' } });
    app(request, new ServerResponse(request));
  });
}
