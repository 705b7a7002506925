/**
 * A listening HTTP server with limits, which ends gracefully.
 *
 * Node's own limits are made for nobody in particular: a head may take 60 seconds, a request 300, an answer that is not
 * read for ever, and sockets are not counted. At the end every answer says `Connection: close` from the moment that the
 * process is no longer ready, so that kept connections are gone before the server stops accepting; what is under way then
 * has ten seconds.
 */
import { createServer, type RequestListener, type Server, type ServerOptions, type ServerResponse } from 'node:http';
import { randomUUID } from 'node:crypto';
import type { Duplex } from 'node:stream';
import type { Logger } from 'pino';

import type { Part } from '../shared/part.js';
import { NotReady } from '../shared/not-ready.js';
import { Problem } from '../shared/problem.js';
import { problemBody } from './problems.js';

export interface HttpServerLimits {
  readonly headersTimeoutMs: number;
  readonly requestTimeoutMs: number;
  readonly keepAliveTimeoutMs: number;
  /** How long a request may be under way without a byte in either direction: whoever does not read is cut off. */
  readonly silenceMs: number;
  readonly maxHeaderBytes: number;
  readonly maxRequestsPerSocket: number;
  readonly maxConnections: number;
  /** How long requests under way may take at the end. */
  readonly stopTimeoutMs: number;
}

export const DEFAULT_LIMITS: HttpServerLimits = {
  headersTimeoutMs: 5_000,
  requestTimeoutMs: 15_000,
  keepAliveTimeoutMs: 65_000,
  silenceMs: 30_000,
  maxHeaderBytes: 16 * 1024,
  maxRequestsPerSocket: 10_000,
  maxConnections: 10_000,
  stopTimeoutMs: 10_000,
};

export interface HttpServerOptions {
  /** What the part is called, e.g. `http server`. */
  readonly name: string;
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  readonly app: RequestListener;
  readonly log: Logger;
  readonly limits?: Partial<HttpServerLimits>;
}

export interface HttpServer extends Part {
  /** From now on every answer ends its connection: whoever keeps one open goes elsewhere with the next request. */
  drain(): void;
  /** Rejects with NotReady where nobody can connect. */
  requireOpen(): Promise<void>;
  /** Where it listens; throws before it does. */
  address(): { readonly host: string; readonly port: number };
}

/** Makes the part. `start` rejects with Node's error where the port cannot be had. */
export function createHttpServer({ name, host, port, app, log, limits: given }: HttpServerOptions): HttpServer {
  const limits = { ...DEFAULT_LIMITS, ...given };
  const server = configured(limits);
  const underWay = new Set<ServerResponse>();
  const sockets = new Set<Duplex>();
  let isLeaving = false;
  /** One function for all: a closure for each request is work of which most is waste. */
  function forget(this: ServerResponse): void {
    underWay.delete(this);
  }
  server.on('connection', (socket: Duplex) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  server.on('request', (_request, response) => {
    underWay.add(response);
    response.on('close', forget);
    if (isLeaving) response.setHeader('connection', 'close');
  });
  server.on('request', app);
  server.on('clientError', (error, socket) => refuse(error, socket));
  return {
    name,
    drain: () => {
      isLeaving = true;
    },
    requireOpen: () =>
      server.listening ? Promise.resolve() : Promise.reject(new NotReady(`the ${name} does not listen yet`)),
    address: () => {
      const address = server.address();
      if (address === null || typeof address === 'string') throw new Error(`the ${name} does not listen`);
      return { host: address.address, port: address.port };
    },
    start: async () => {
      await listen(server, { host, port });
      log.info({ address: server.address() }, `${name} listens`);
    },
    stop: async () => {
      if (!server.listening) return;
      isLeaving = true;
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      const busy = new Set<Duplex>();
      for (const response of underWay) {
        busy.add(response.req.socket);
        if (!response.headersSent) response.setHeader('connection', 'close');
      }
      // Node does not count a connection on which no request has come yet as idle, and would wait for it.
      for (const socket of sockets) if (!busy.has(socket)) socket.destroy();
      const cut = setTimeout(() => {
        log.warn({ requests: underWay.size }, `${name}: requests were cut off at the end`);
        server.closeAllConnections();
      }, limits.stopTimeoutMs);
      await closed;
      clearTimeout(cut);
    },
  };
}

/** The limits as Node takes them. */
export function serverOptionsOf(limits: HttpServerLimits): ServerOptions {
  return {
    headersTimeout: limits.headersTimeoutMs,
    requestTimeout: limits.requestTimeoutMs,
    keepAliveTimeout: limits.keepAliveTimeoutMs,
    maxHeaderSize: limits.maxHeaderBytes,
    // How often Node looks for sockets past the limits above; by default every 30 seconds.
    connectionsCheckingInterval: Math.min(1_000, limits.headersTimeoutMs),
    requireHostHeader: true,
  };
}

function configured(limits: HttpServerLimits): Server {
  const server = createServer(serverOptionsOf(limits));
  server.maxRequestsPerSocket = limits.maxRequestsPerSocket;
  server.maxConnections = limits.maxConnections;
  // Node counts what it has written as a sign of life, and gives a kept connection its own time.
  server.timeout = limits.silenceMs;
  return server;
}

/**
 * Connections that may wait to be accepted; the system cuts it to its own bound. Past it a caller's system tries again
 * after a second, then three, then seven: at Node's 511 a burst of callers waits for nothing but that.
 */
const BACKLOG = 4_096;

/** `listen` hands a port that is taken to the `error` event, not to its callback. */
function listen(server: Server, where: { host: string; port: number }): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ ...where, backlog: BACKLOG }, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

/** Statuses of what never became a request; everything else is 400. */
const STATUS_OF: Readonly<Record<string, string>> = {
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
  HPE_CHUNK_EXTENSIONS_OVERFLOW: '413 Payload Too Large',
};

/** Answers what Node could not read as HTTP. There is no request to log, and nothing of it is repeated. */
function refuse(error: Error & { code?: string }, socket: Duplex): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const statusLine = STATUS_OF[error.code ?? ''] ?? '400 Bad Request';
  const problem = new Problem('INVALID_REQUEST', 'the request cannot be read as HTTP, is too large or came too slowly');
  const requestId = randomUUID();
  const body = JSON.stringify({
    ...problemBody(problem, { requestId, path: '' }),
    status: Number(statusLine.slice(0, 3)),
  });
  socket.end(
    `HTTP/1.1 ${statusLine}\r\nconnection: close\r\ncontent-type: application/problem+json; charset=utf-8\r\n` +
      `x-request-id: ${requestId}\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}
