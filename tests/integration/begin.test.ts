/** The start of a process: nothing is sent to it before its door is open, whatever of it is there already. */
import { afterAll, beforeAll, expect, test } from 'vitest';

import { startServing } from '../support/served.js';
import type { Starting } from '../support/served.js';
import { createWorld } from '../support/world.js';
import type { World } from '../support/world.js';

const SECRET = 's'.repeat(32);

let world: World;
let starting: Starting | undefined;
beforeAll(async () => {
  world = await createWorld();
});
afterAll(async () => {
  await starting?.end('SIGKILL');
  await world.end();
});

/** Where it says that it listens; undefined before it does. */
function managementOf({ lines }: Starting): string | undefined {
  const said = lines.find((line) => line.includes('management port listens'));
  if (said === undefined) return undefined;
  const { address } = JSON.parse(said) as { address: { port: number } };
  return `http://127.0.0.1:${String(address.port)}`;
}

test('a process is not ready before its port listens, though all else of it serves', async () => {
  await world.pool(undefined).transaction(async (tx) => {
    // Something that a start waits for and that no look at readiness needs.
    await tx.query({ text: 'lock table identity.signing_key in access exclusive mode' });
    const env = { BAILIWICK_ISSUER: 'https://id.example', BAILIWICK_AUDIENCE: 'us', BAILIWICK_SIGNING_SECRET: SECRET };
    starting = startServing({ ...world, env });
    const held = starting;
    const ready = async (): Promise<string> =>
      await fetch(`${managementOf(held) ?? ''}/readyz?verbose`).then(
        (answer) => answer.text(),
        () => '',
      );
    const onlyThePort = /^(\[\+\]\w+ ok\n)+\[-\]port the service port does not listen yet\n(\[[+!]\].*\n)*not ready\n$/;
    await expect.poll(ready, { timeout: 15_000 }).toMatch(onlyThePort);
  });
  const { base, management } = await (starting ?? { serving: Promise.reject(new Error('not started')) }).serving;
  await expect.poll(async () => (await fetch(`${management}/readyz`)).status, { timeout: 5_000 }).toBe(200);
  expect((await fetch(`${base}/sync-state`)).status).toBe(401);
});
