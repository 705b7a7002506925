/** Requests with content types that nobody has heard of, and what they leave behind on the heap. */
import { Agent, request } from 'node:http';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

import { AS_ADA, QUESTION } from './http-app.js';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

function heapMegabytes(): number {
  collectGarbage();
  collectGarbage();
  return process.memoryUsage().heapUsed / 1e6;
}

/** Sends made-up types: on a GET without a body, and as parameters of JSON posts. */
async function sendVariants(port: number, { from, count }: { from: number; count: number }): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: 4 });
  const send = (path: string, options: { method: string; type: string; body?: string }): Promise<void> =>
    new Promise((resolve, reject) => {
      const { method, type, body } = options;
      const headers = { ...AS_ADA, 'content-type': type };
      const sent = request({ port, path, agent, method, headers }, (response) => {
        response.resume().on('end', resolve);
      });
      sent.on('error', reject).end(body);
    });
  for (let at = from; at < from + count; at += 1) {
    await send('/api/v1/openapi.json', { method: 'GET', type: `application/x-${at}` });
    await send('/api/v1/check', { method: 'POST', type: `application/json; x${at}=y`, body: JSON.stringify(QUESTION) });
    await send('/api/v1/check', { method: 'POST', type: `text/x-${at}`, body: '{}' });
  }
  agent.destroy();
}

/** By how many megabytes the heap grew over so many variants, after as many of others that warm up. */
export async function heapGrowth(
  port: number,
  { warmUp, variants }: { warmUp: number; variants: number },
): Promise<number> {
  await sendVariants(port, { from: 0, count: warmUp });
  const before = heapMegabytes();
  await sendVariants(port, { from: warmUp, count: variants });
  return heapMegabytes() - before;
}
