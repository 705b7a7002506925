/**
 * Requests at a rate of their own, whether or not the ones before are answered: what callers do to a service that slows
 * down. Written bytes and little else, because the load generator shares the cores: Node's own client takes as much of
 * them for a request as the service for its refusal. Each request goes to whichever port is asked for at that moment.
 */
import { connect } from 'node:net';

/**
 * @typedef {{ status: number, code?: string, ms: number }} Answer status 0: cut off, or refused by the network; `code` is the problem's
 * @typedef {{ path: string, body?: object, headers?: Record<string, string> }} Asked
 */

/** Connections that are open at one time to one port; past it a request waits, and its time counts. */
const MAX_CONNECTIONS = 4_096;

/** @param {Asked} asked @returns {string} */
function bytesOf({ path, body, headers = {} }) {
  const text = body === undefined ? '' : JSON.stringify(body);
  const all = { host: '127.0.0.1', ...headers, ...(body === undefined ? {} : { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(text)) }) };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return `${body === undefined ? 'GET' : 'POST'} ${path} HTTP/1.1\r\n${lines.join('')}\r\n${text}`;
} // prettier-ignore

/** @param {number} port */
function createPool(port) {
  /** @typedef {{ bytes: string, at: number, end: (answer: Answer) => void }} Waiting */
  /** @type {((next: Waiting) => void)[]} */
  const idle = [];
  /** @type {Waiting[]} */
  const waiting = [];
  /** @type {Set<import('node:net').Socket>} */
  const open = new Set();

  /** @param {Waiting} first */
  function connection(first) {
    const socket = connect(port, '127.0.0.1').setNoDelay(true);
    open.add(socket);
    /** @type {Waiting | undefined} */
    let current;
    let text = '';
    const ask = (/** @type {Waiting} */ next) => {
      current = next;
      socket.write(next.bytes);
    };
    const end = (/** @type {number} */ status, /** @type {string} */ body = '') => {
      const { at = 0, end: tell } = current ?? {};
      current = undefined;
      text = '';
      const code = status >= 400 ? /"code":"(\w+)"/.exec(body)?.[1] : undefined;
      tell?.({ status, ...(code === undefined ? {} : { code }), ms: performance.now() - at });
    };
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
      const bodyAt = text.indexOf('\r\n\r\n') + 4;
      if (bodyAt < 4) return;
      const length = Number(/\r\ncontent-length: (\d+)/i.exec(text)?.[1] ?? 0);
      if (text.length < bodyAt + length) return;
      const isLast = /\r\nconnection: close/i.test(text);
      end(Number(text.slice(9, 12)), text.slice(bodyAt));
      if (isLast) return void socket.end();
      const next = waiting.shift();
      if (next === undefined) idle.push(ask);
      else ask(next);
    });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      open.delete(socket);
      if (idle.includes(ask)) idle.splice(idle.indexOf(ask), 1);
      if (current !== undefined) end(0);
      const next = waiting.shift();
      if (next !== undefined) connection(next);
    });
    ask(first);
  }

  return {
    /** @param {Asked} asked @returns {Promise<Answer>} */
    send: (asked) =>
      new Promise((resolve) => {
        const next = { bytes: bytesOf(asked), at: performance.now(), end: resolve };
        const free = idle.pop();
        if (free !== undefined) free(next);
        else if (open.size < MAX_CONNECTIONS) connection(next);
        else waiting.push(next);
      }),
    end: () => {
      for (const socket of open) socket.destroy();
    },
  };
}

/**
 * Offers `perSecond` requests for `ms` and resolves to what came of each, and how long it took until all were answered.
 * @param {{ perSecond: number, ms: number, port: () => number, ask: (n: number) => Asked }} load
 */
export async function offer({ perSecond, ms, port, ask }) {
  /** @type {Map<number, ReturnType<typeof createPool>>} */
  const pools = new Map();
  const poolOf = (/** @type {number} */ to) => {
    const pool = pools.get(to) ?? createPool(to);
    pools.set(to, pool);
    return pool;
  };
  const startedAt = performance.now();
  /** @type {Promise<Answer>[]} */
  const sent = [];
  for (let now = startedAt; now < startedAt + ms; now = performance.now()) {
    const due = Math.floor(((now - startedAt) * perSecond) / 1_000);
    while (sent.length < due) sent.push(poolOf(port()).send(ask(sent.length)));
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  const answers = await Promise.all(sent);
  const seconds = (performance.now() - startedAt) / 1_000;
  for (const pool of pools.values()) pool.end();
  return { answers, seconds };
}

/**
 * How many of the answers were none of `expected`, and which: `2 of 900 failed 2 × 503 SYNC_LAG`.
 * @param {readonly Answer[]} answers @param {readonly number[]} expected
 */
export function failures(answers, expected) {
  const kinds = answers
    .filter(({ status }) => !expected.includes(status))
    .map(({ status, code }) => (code === undefined ? String(status) : `${String(status)} ${code}`));
  const counted = [...new Set(kinds)].map(
    (kind) => `${String(kinds.filter((other) => other === kind).length)} × ${kind}`,
  );
  return `${String(kinds.length)} of ${String(answers.length)} failed ${counted.join(', ')}`.trim();
}
