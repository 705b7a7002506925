/** HTTP by hand, for what a decent client cannot send. */
import { connect } from 'node:net';

export interface RawAnswer {
  readonly status: number;
  readonly head: string;
  readonly body: string;
  /** Whether it was the server that ended it. */
  readonly isClosed: boolean;
}

/** Sends the bytes and reads until the server closes, or `untilMs` have passed. An answer without a status is 0. */
export function sendRaw(port: number, bytes: string | Buffer, untilMs = 3_000): Promise<RawAnswer> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    const chunks: Buffer[] = [];
    const finish = (isClosed: boolean): void => {
      clearTimeout(timer);
      socket.destroy();
      const [head = '', ...body] = Buffer.concat(chunks).toString('latin1').split('\r\n\r\n');
      resolve({
        status: Number(/^HTTP\/1\.1 (\d{3})/.exec(head)?.[1] ?? 0),
        head,
        body: body.join('\r\n\r\n'),
        isClosed,
      });
    };
    const timer = setTimeout(() => finish(false), untilMs);
    socket.on('data', (chunk) => chunks.push(chunk));
    socket.on('error', () => undefined);
    socket.on('close', () => finish(true));
    socket.write(bytes);
  });
}

/** The text of a POST to /api/v1/check whose connection closes after the answer. */
export function rawCheck(body: string, headers: Readonly<Record<string, string>> = {}): string {
  const all = {
    host: '127.0.0.1',
    'x-user-id': 'ada',
    'x-tenant-id': 't1',
    'content-type': 'application/json',
    'content-length': String(Buffer.byteLength(body, 'latin1')),
    connection: 'close',
    ...headers,
  };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}`);
  return `POST /api/v1/check HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n${body}`;
}
