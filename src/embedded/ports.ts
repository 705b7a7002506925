import { connect, createServer } from 'node:net';

const LOOPBACK = '127.0.0.1';
const TRIES = 200;

/**
 * The preferred port of 127.0.0.1, else the next free one above it, else one that the system picks. Free is a moment's
 * truth: whoever binds must be ready to lose the race and ask again.
 */
export async function findFreePort(preferred: number, avoid: ReadonlySet<number> = new Set()): Promise<number> {
  for (let port = preferred; port < Math.min(preferred + TRIES, 65_536); port += 1) {
    if (!avoid.has(port) && (await isPortFree(port))) return port;
  }
  return await bindBriefly(0);
}

/** Whether nobody answers on the port and it can be bound. */
export async function isPortFree(port: number): Promise<boolean> {
  // Some systems let 127.0.0.1 be bound beside a listener on 0.0.0.0: ask for an answer first.
  if (await answers(port)) return false;
  return await bindBriefly(port).then(
    () => true,
    () => false,
  );
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: LOOPBACK, port });
    const settle = (answered: boolean): void => {
      socket.destroy();
      resolve(answered);
    };
    socket.once('connect', () => settle(true));
    socket.once('error', () => settle(false));
    socket.setTimeout(1_000, () => settle(true));
  });
}

function bindBriefly(port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen({ host: LOOPBACK, port, exclusive: true }, () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : port));
    });
  });
}
