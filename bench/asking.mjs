/** Asks one replica over kept connections, with as little work of its own as can be: it shares the cores. */
import { randomUUID } from 'node:crypto';
import { Agent, request } from 'node:http';

/**
 * @typedef {{ method: string, path: string, headers: Record<string, string>, body?: object }} Asked
 * @typedef {{ user: string, permission: string, tenant: string, syncToken?: string }} Question
 */

/** @param {{ port: number, key: string }} of */
export function createAsking({ port, key }) {
  const agent = new Agent({ keepAlive: true, maxSockets: 256 });
  /** @param {Asked} asked @returns {Promise<{ status: number, body: Record<string, unknown> }>} */
  const ask = ({ method, path, headers, body }) =>
    new Promise((resolve, reject) => {
      const text = body === undefined ? undefined : JSON.stringify(body);
      const more = text === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) };
      const asking = request({ agent, host: '127.0.0.1', port, method, path: `/api/v1${path}`, headers: { ...headers, ...more } }, (response) => {
        /** @type {Buffer[]} */
        const chunks = [];
        response.on('data', (/** @type {Buffer} */ chunk) => void chunks.push(chunk));
        response.on('end', () => {
          /** @type {unknown} */
          const said = JSON.parse(Buffer.concat(chunks).toString() || '{}');
          resolve({ status: response.statusCode ?? 0, body: /** @type {Record<string, unknown>} */ (said) });
        });
      });
      asking.on('error', reject).end(text);
    });

  /** @param {Question} question @param {number} [tries] @returns {Promise<boolean>} */
  async function check(question, tries = 20) {
    const { status, body } = await ask({ method: 'POST', path: '/check', headers: { authorization: `Bearer ${key}` }, body: question });
    // No answer is neither a yes nor a no: it is asked again, and its time counts.
    if (status === 503 && tries > 1) return await check(question, tries - 1);
    if (status !== 200 || typeof body['allowed'] !== 'boolean') throw new Error(`check answered ${String(status)}`);
    return body['allowed'];
  }

  /**
   * A write of an administrator, with one effect however often it is sent.
   * @param {{ method: string, path: string, as: string, tenantId: string, body?: object }} write
   * @returns {Promise<string>} the token of the change
   */
  async function administer({ as, tenantId, ...write }) {
    const headers = { 'x-user-id': as, 'x-tenant-id': tenantId, 'idempotency-key': randomUUID() };
    for (let tries = 20; ; tries -= 1) {
      const { status, body } = await ask({ ...write, headers });
      if (status < 300) return String(body['syncToken']);
      if (status !== 503 || tries === 1) throw new Error(`${write.method} ${write.path} answered ${String(status)} ${JSON.stringify(body)}`);
    }
  }

  return { check, administer };
} // prettier-ignore
