/** The imports of src/ run one way; each rule is seen to fail on a tree that breaks it. */
import { expect, test } from 'vitest';

import { importBreaches } from './support/import-rules.js';
import { ROOT, withPlantedTree } from './support/planted-tree.js';

test('the imports of src/ keep to the rules', async () => {
  const { breaches, files } = await importBreaches(ROOT);
  expect(breaches).toEqual([]);
  expect(files).toBeGreaterThan(80);
});

/** Files that may be imported, so that a planted import leads somewhere. */
const TARGETS = [
  'main.ts',
  'compose.ts',
  'commands.ts',
  'config.ts',
  'decisions/check.ts',
  'audit/decision-log.ts',
  'sync/projection.ts',
  'sync/projector.ts',
  'http/app.ts',
  'platform/postgres.ts',
  'shared/ids.ts',
  'contract/api.ts',
  'embedded/stack.ts',
];

async function planted(files: Record<string, string>): Promise<string[]> {
  const targets = Object.fromEntries(TARGETS.map((path) => [`src/${path}`, 'export const value = 1;\n']));
  return await withPlantedTree({ files: { ...targets, ...files } }, async (root) => {
    return (await importBreaches(root)).breaches;
  });
}

const use = (specifier: string): string => `import { value } from '${specifier}';\nexport const used = value;\n`;

test.each<{ from: string; to: string; rule: RegExp }>([
  { from: 'main.ts', to: './http/app.js', rule: /`src\/main\.ts` may not import this/ },
  { from: 'compose.ts', to: './main.js', rule: /`src\/compose\.ts` may not import this/ },
  { from: 'compose.ts', to: './embedded/stack.js', rule: /`src\/compose\.ts` may not import this/ },
  { from: 'commands.ts', to: './embedded/stack.js', rule: /`src\/commands\.ts` may not import this/ },
  { from: 'config.ts', to: './shared/ids.js', rule: /`src\/config\.ts` may not import this/ },
  { from: 'sync/gate.ts', to: '../http/app.js', rule: /`src\/sync\/` may not import this/ },
  { from: 'http/app.ts', to: '../sync/projector.js', rule: /`src\/http\/` may not import this/ },
  { from: 'decisions/check.ts', to: '../compose.js', rule: /`src\/decisions\/` may not import this/ },
  { from: 'decisions/check.ts', to: '../embedded/stack.js', rule: /`src\/decisions\/` may not import this/ },
  { from: 'platform/postgres.ts', to: '../audit/decision-log.js', rule: /`src\/platform\/` may not import this/ },
  { from: 'platform/postgres.ts', to: '../config.js', rule: /`src\/platform\/` may not import this/ },
  { from: 'shared/ids.ts', to: '../platform/postgres.js', rule: /`src\/shared\/` may not import this/ },
  { from: 'shared/ids.ts', to: '../contract/api.js', rule: /imports types of the contract/ },
  { from: 'embedded/stack.ts', to: '../http/app.js', rule: /`src\/embedded\/` may not import this/ },
  { from: 'contract/api.ts', to: '../shared/ids.js', rule: /`src\/contract\/` may not import this/ },
  { from: 'contract/api.ts', to: 'pino', rule: /`src\/contract\/` imports nothing/ },
  { from: 'sync/gate.ts', to: 'pg', rule: /only `src\/platform\/` imports this package/ },
  { from: 'embedded/stack.ts', to: '@openfga/sdk', rule: /only `src\/platform\/` imports this package/ },
  { from: 'http/access-log.ts', to: '@opentelemetry/api', rule: /only `src\/platform\/` imports this package/ },
  { from: 'http/app.ts', to: 'jose', rule: /only `src\/platform\/` imports this package/ },
  { from: 'audit/decision-log.ts', to: 'prom-client', rule: /only `src\/platform\/` imports this package/ },
  { from: 'mail/sender.ts', to: 'nodemailer', rule: /only `src\/platform\/` imports this package/ },
  { from: 'shared/ids.ts', to: 'fast-check', rule: /what runs in production is a dependency/ },
  { from: 'shared/ids.ts', to: './nothing.js', rule: /leads nowhere/ },
])('the rules see src: $from → $to', async ({ from, to, rule }) => {
  const breaches = await planted({ [`src/${from}`]: use(to) });
  expect(breaches.filter((breach) => breach.startsWith(`src/${from} → `)).join('\n')).toMatch(rule);
});

test('a type alone is an import too', async () => {
  const breaches = await planted({
    'src/sync/gate.ts': "import type { value } from '../http/app.js';\nexport type V = typeof value;\n",
  });
  expect(breaches).toEqual(['src/sync/gate.ts → src/http/app.ts: `src/sync/` may not import this']);
});

test('sideways a capability may import `audit` and `sync/projection`', async () => {
  const breaches = await planted({
    'src/decisions/check.ts': `${use('../audit/decision-log.js')}export * from '../sync/projection.js';\n`,
  });
  expect(breaches).toEqual([]);
});

test('a cycle is seen', async () => {
  const breaches = await planted({ 'src/sync/a.ts': use('./b.js'), 'src/sync/b.ts': use('./a.js') });
  expect(breaches).toContain('src/sync/a.ts → src/sync/b.ts: a cycle');
});

test('a folder that no rule knows is seen', async () => {
  const breaches = await planted({ 'src/utilities/strings.ts': use('../shared/ids.js') });
  expect(breaches).toEqual(['src/utilities/: is not in the table of import rules']);
});
