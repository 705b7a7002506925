/** The head that is made once against the one that Node makes: byte by byte, on a real socket. */
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';

import { createSendAtOnce } from '../../src/http/lean-answer.js';
import { sendRaw } from '../support/raw-http.js';

const HEADERS = [
  'x-one',
  '1',
  'content-security-policy',
  "default-src 'self';base-uri 'self'",
  'content-type',
  'application/json',
];
const TEXT = '{"allowed":true}';

interface Case {
  readonly text?: string;
  readonly status?: number;
  readonly prepare?: (response: object) => void;
}

/** Through `send`, and as Node would have it. */
async function answers(request: string, { text = TEXT, status = 200, prepare = () => undefined }: Case = {}) {
  const send = createSendAtOnce(status, HEADERS);
  const ways: RequestListener[] = [
    (_request, response) => {
      prepare(response);
      send(response, { requestId: 'r-1', text });
    },
    (_request, response) => {
      prepare(response);
      const length = String(Buffer.byteLength(text));
      response.writeHead(status, [...HEADERS, 'x-request-id', 'r-1', 'content-length', length]);
      response.end(text);
    },
  ];
  return await Promise.all(
    ways.map(async (listener) => {
      const server = createServer({ keepAliveTimeout: 65_000 }, listener);
      server.maxRequestsPerSocket = 3;
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      onTestFinished(() => {
        server.closeAllConnections();
        server.close();
      });
      const { head, body } = await sendRaw((server.address() as AddressInfo).port, request, 500);
      return `${head}\r\n\r\n${body}`.replaceAll(/date: [^\r]+/gi, 'date');
    }),
  );
}

const get = (more = '', version = '1.1'): string => `GET / HTTP/${version}\r\nhost: a\r\n${more}\r\n`;

test.each<Case & { what: string; request: string; line?: string }>([
  { what: 'a plain request', request: get() },
  { what: 'a plain refusal', request: get(), status: 503, line: 'HTTP/1.1 503 Service Unavailable' },
  { what: 'one that ends its connection', request: get('connection: close\r\n') },
  { what: 'one of HTTP/1.0', request: get('', '1.0') },
  { what: 'one of HTTP/1.0 that keeps its connection', request: get('connection: keep-alive\r\n', '1.0') },
  { what: 'several on one connection, past the last that it may have', request: get().repeat(4) },
  { what: 'a text that is not ASCII', request: get(), text: '{"ä":1}' },
  {
    what: 'a header that somebody has set',
    request: get(),
    prepare: (response) => (response as { setHeader: (name: string, value: string) => void }).setHeader('connection', 'close'),
  },
])('$what is answered with the same bytes', async ({ request, line = 'HTTP/1.1 200 OK', ...more }) => {
  const [lean, plain] = await answers(request, more);
  expect(lean).toContain(line);
  expect(lean).toBe(plain);
}); // prettier-ignore

test('the head that is made once is taken where it can be', async () => {
  const seen: unknown[] = [];
  const spy = (response: object): void => {
    const { writeHead } = response as { writeHead: (...of: unknown[]) => unknown };
    Object.assign(response, { writeHead: (...of: unknown[]) => (seen.push(of), writeHead.apply(response, of)) });
  };
  await answers(get(), { prepare: spy });
  // Node's own way, and nobody else.
  expect(seen).toHaveLength(1);
});
