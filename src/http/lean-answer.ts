/**
 * Sends answers whose head is made once: Node checks and joins every header of every answer anew, which for the dozen that
 * each of ours has costs more than finding the answer.
 *
 * It sets the text that Node itself would have made (`_header`), where Node would have made nothing special of it: a
 * connection that stays open and no header set by anybody else. Elsewhere the plain way is taken, with the same bytes to
 * the caller. tests/unit/lean-answer.test.ts compares the two byte by byte.
 */
import { STATUS_CODES } from 'node:http';
import type { ServerResponse } from 'node:http';

/** What Node keeps of an answer, as it has for ten years; looked for at the start, and left alone where it is not there. */
interface Inner {
  _header: string | null;
  _contentLength: number | null;
  _keepAliveTimeout: number;
  _maxRequestsPerSocket: number;
  maxRequestsOnConnectionReached?: boolean;
}

export type SendAtOnce = (
  response: ServerResponse,
  answer: { readonly requestId: string; readonly text: string },
) => void;

/** `headers` are those of every answer, name after value; Node's own way is taken where anything is unusual. */
export function createSendAtOnce(status: number, headers: readonly string[]): SendAtOnce {
  const statusLine = `HTTP/1.1 ${String(status)} ${STATUS_CODES[status] ?? ''}\r\n`;
  const lines = headers.reduce((text, part, at) => text + part + (at % 2 === 0 ? ': ' : '\r\n'), statusLine);
  return (response, { requestId, text }) => {
    // The fields of `Inner` are Node's own and in none of its types.
    const inner = response as unknown as Inner;
    if (!isPlain(response, inner) || Buffer.byteLength(text) !== text.length) {
      const length = String(Buffer.byteLength(text));
      response.writeHead(status, [...headers, 'x-request-id', requestId, 'content-length', length]);
      response.end(text);
      return;
    }
    response.statusCode = status;
    const seconds = String(Math.floor(inner._keepAliveTimeout / 1_000));
    inner._contentLength = text.length;
    inner._header =
      `${lines}x-request-id: ${requestId}\r\ncontent-length: ${String(text.length)}\r\nDate: ${httpDate()}\r\n` +
      `Connection: keep-alive\r\nKeep-Alive: timeout=${seconds}, max=${String(inner._maxRequestsPerSocket)}\r\n\r\n`;
    response.end(text, 'latin1');
  };
}

/** Whether Node would make of it what `createSendAtOnce` does. */
function isPlain(response: ServerResponse, inner: Inner): boolean {
  return (
    inner._header === null &&
    inner._contentLength === null &&
    response.shouldKeepAlive &&
    response.sendDate &&
    inner.maxRequestsOnConnectionReached === false &&
    inner._keepAliveTimeout >= 1_000 &&
    inner._maxRequestsPerSocket > 0 &&
    response.getHeaderNames().length === 0
  );
}

let date = { second: Number.NaN, text: '' };

/** The date of an answer, made anew once a second. */
function httpDate(): string {
  const second = Math.floor(Date.now() / 1_000);
  if (second !== date.second) date = { second, text: new Date(second * 1_000).toUTCString() };
  return date.text;
}
