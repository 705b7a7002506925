/** Both onboarding documents, step by step, as `npm run walkthrough` goes through them. */
import { afterAll, beforeAll, expect, test } from 'vitest';

import { walkFirstAdmin } from '../../scripts/walkthrough/first-admin.mjs';
import { walkTeam } from '../../scripts/walkthrough/team.mjs';
import { createWalk } from '../../scripts/walkthrough/walk.mjs';
import { PATIENT } from '../support/office.js';
import { SIGN_IN, startService } from '../support/service.js';
import type { RunningService } from '../support/service.js';
import { addPerson, emailOf, PASSWORD } from '../support/sign-in-world.js';
import { createWorld } from '../support/world.js';
import type { World } from '../support/world.js';

let world: World;
let service: RunningService;
beforeAll(async () => {
  world = await createWorld();
  await addPerson(world, { tenantId: null, userId: 'root' });
  await world.sql(`insert into identity.platform_admin (user_id) values ('root')`);
  service = await startService(world, PATIENT);
  await service.settle();
});
afterAll(async () => {
  await service.stop();
  await world.end();
});

test('every step, validation and troubleshooting row comes out as the documents print it', async () => {
  const lines: string[] = [];
  const walk = createWalk({
    base: service.base,
    domain: SIGN_IN.domain ?? '',
    platformAdmin: { email: emailOf('root'), password: PASSWORD },
    sql: (text) => world.sql(text),
    print: (line) => void lines.push(line),
  });
  await walkTeam(walk, await walkFirstAdmin(walk));
  expect(walk.differences, lines.join('\n')).toEqual([]);
  expect(lines.filter((line) => /^\n {2}(Validation|Troubleshooting):/.test(line))).toHaveLength(14);
  expect(lines.join('\n')).not.toContain(PASSWORD);
}, 120_000);

test('one that came out otherwise is counted', () => {
  const walk = createWalk({
    base: service.base,
    domain: 'x',
    platformAdmin: { email: '', password: '' },
    sql: () => Promise.resolve([]),
    print: () => undefined,
  });
  walk.expect('a count', 2, 1);
  walk.expect('another', 1, 1);
  expect(walk.differences).toEqual(['a count']);
});
