/**
 * Requests at a rate of their own, whether or not the ones before are answered: what callers do to a service that slows
 * down. One agent keeps its connections; each request goes to whichever port is asked for at that moment.
 */
import { Agent, request } from 'node:http';

/**
 * @typedef {{ status: number, ms: number }} Answer status 0: cut off, or refused by the network
 * @typedef {{ path: string, body?: object, headers?: Record<string, string> }} Asked
 */

/**
 * @param {Agent} agent @param {number} port @param {Asked} asked
 * @returns {Promise<Answer>}
 */
export function send(agent, port, { path, body, headers = {} }) {
  const startedAt = performance.now();
  const text = body === undefined ? '' : JSON.stringify(body);
  const method = body === undefined ? 'GET' : 'POST';
  const more = body === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) };
  return new Promise((resolve) => {
    const end = (/** @type {number} */ status) => resolve({ status, ms: performance.now() - startedAt });
    const asking = request({ agent, host: '127.0.0.1', port, path, method, headers: { ...headers, ...more } }, (response) => {
      response.resume().on('end', () => end(response.statusCode ?? 0)).on('error', () => end(0));
    });
    asking.on('error', () => end(0)).end(text);
  });
} // prettier-ignore

/**
 * Offers `perSecond` requests for `ms` and resolves to what came of each.
 * @param {{ perSecond: number, ms: number, port: () => number, ask: (n: number) => Asked }} load
 * @returns {Promise<Answer[]>}
 */
export async function offer({ perSecond, ms, port, ask }) {
  const agent = new Agent({ keepAlive: true, maxSockets: 4_096 });
  const startedAt = performance.now();
  /** @type {Promise<Answer>[]} */
  const sent = [];
  for (let now = startedAt; now < startedAt + ms; now = performance.now()) {
    const due = Math.floor(((now - startedAt) * perSecond) / 1_000);
    while (sent.length < due) sent.push(send(agent, port(), ask(sent.length)));
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  const answers = await Promise.all(sent);
  agent.destroy();
  return answers;
}
