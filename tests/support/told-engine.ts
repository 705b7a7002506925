/** An engine that listens for real and remembers what it was told: one that says yes to all, or the way to another. */
import { createServer, type IncomingHttpHeaders, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pipeline } from 'node:stream';

export interface Told {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
}

export interface ToldEngine {
  readonly url: string;
  readonly told: Told[];
  /** What it answers with from now on, where it answers itself; 200 at first. */
  status: number;
  stop(): Promise<void>;
}

const YES = { allowed: true, result: { 0: { allowed: true } }, objects: [], tuples: [], continuation_token: '' };

/** Everything is sent on to `target`, where there is one. */
export async function startToldEngine(target?: string): Promise<ToldEngine> {
  const server = createServer((asked, response) => {
    const { url: path = '', headers } = asked;
    engine.told.push({ path, headers });
    if (target !== undefined) forward(asked, response, target);
    else asked.resume().once('end', () => sayYes(response, engine.status));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const engine: ToldEngine = {
    // It listens on a port.
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    told: [],
    status: 200,
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return engine;
}

function sayYes(response: ServerResponse, status: number): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(status === 200 ? YES : { code: 'internal_error', message: 'played' }));
}

function forward(asked: IncomingMessage, response: ServerResponse, target: string): void {
  const { method, headers, url = '' } = asked;
  const sending = request(new URL(url, target), { method, headers }, (answer) => {
    response.writeHead(answer.statusCode ?? 0, answer.headers);
    pipeline(answer, response, () => undefined);
  });
  sending.on('error', () => response.destroy());
  pipeline(asked, sending, () => undefined);
}
