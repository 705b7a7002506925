/**
 * A TCP proxy whose network can be broken: in front of the engine or of Postgres, so that a test can take them away
 * from one service without touching the servers that all tests share.
 */
import { connect, createServer } from 'node:net';
import type { Server, Socket } from 'node:net';

/**
 * `pass`    bytes go through, after `delayMs` on their way to the server
 * `refuse`  nobody listens, and what was open is closed
 * `reset`   connections are taken and reset at once, and so is what was open
 * `hang`    connections are taken and bytes held, in both directions; they arrive once `pass` is set again
 * `mute`    bytes go to the server, and none come back: it does what it is asked, and nobody hears of it
 */
export type NetworkMode = 'pass' | 'refuse' | 'reset' | 'hang' | 'mute';

export interface TcpProxy {
  readonly port: number;
  set(mode: NetworkMode): Promise<void>;
  /** How long bytes take to the server from now on, in `pass`. */
  setDelay(ms: number): void;
  /** How many connections lead through it. */
  connections(): number;
  stop(): Promise<void>;
}

interface Pair {
  readonly client: Socket;
  readonly server: Socket;
}

/** Listens on a free port of 127.0.0.1, in front of `target`. */
export async function startProxy(target: { readonly host: string; readonly port: number }): Promise<TcpProxy> {
  const pairs = new Set<Pair>();
  /** One that is held does not notice that the other side has gone. */
  const clients = new Set<Socket>();
  let mode: NetworkMode = 'pass';
  let delayMs = 0;

  function join(client: Socket): void {
    clients.add(client);
    client.on('close', () => clients.delete(client));
    if (mode === 'reset') {
      client.resetAndDestroy();
      return;
    }
    // A byte goes on as soon as it is there: what a proxy waits for is no part of what a test measures.
    const pair = { client: client.setNoDelay(), server: connect(target).setNoDelay() };
    pairs.add(pair);
    client.on('data', (chunk) => {
      if (delayMs === 0) pair.server.write(chunk);
      else setTimeout(() => pair.server.write(chunk), delayMs);
    });
    pair.server.on('data', (chunk) => client.write(chunk));
    for (const [one, other] of [
      [client, pair.server],
      [pair.server, client],
    ] as const) {
      one.on('end', () => other.end());
      one.on('error', () => other.destroy());
      one.on('close', () => pairs.delete(pair));
    }
    if (mode === 'hang') hold(pair);
    if (mode === 'mute') mute(pair);
  }

  const acceptor = createServer({ allowHalfOpen: true }, join);
  const port = await listen(acceptor, 0);

  return {
    port,
    setDelay: (ms) => {
      delayMs = ms;
    },
    connections: () => pairs.size,
    async set(next) {
      mode = next;
      for (const pair of pairs) {
        if (next === 'hang') hold(pair);
        else if (next === 'mute') mute(pair);
        else if (next === 'pass') release(pair);
        else breakOff(pair, next);
      }
      if (next === 'refuse') await close(acceptor);
      else if (!acceptor.listening) await listen(acceptor, port);
    },
    async stop() {
      for (const pair of pairs) breakOff(pair, 'refuse');
      for (const client of clients) client.destroy();
      await close(acceptor);
    },
  };
}

/** A URL that leads to the same place through a proxy. */
export function through(url: string, { port }: TcpProxy): string {
  const via = new URL(url);
  via.hostname = '127.0.0.1';
  via.port = String(port);
  return via.href.replace(/\/$/, '');
}

/** The host and port of a URL. */
export function targetOf(url: string): { host: string; port: number } {
  const { hostname, port } = new URL(url);
  return { host: hostname, port: Number(port) };
}

function hold({ client, server }: Pair): void {
  client.pause();
  server.pause();
}

function mute({ client, server }: Pair): void {
  client.resume();
  server.pause();
}

function release({ client, server }: Pair): void {
  client.resume();
  server.resume();
}

function breakOff({ client, server }: Pair, mode: 'refuse' | 'reset'): void {
  if (mode === 'reset') client.resetAndDestroy();
  else client.destroy();
  server.destroy();
}

function listen(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => {
      server.off('error', reject);
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : port);
    });
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    if (server.listening) server.close(() => resolve());
    else resolve();
  });
}
