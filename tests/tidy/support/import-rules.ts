/**
 * Who may import whom in src/, and the breaches of it in a tree of files.
 *
 *   main → compose, commands → capabilities → platform → shared → contract
 *
 * The table below is the rule; dependency-cruiser finds the imports, `import type` included. A folder or file that the
 * table does not know is a breach itself. So is an import that leads nowhere: with a TypeScript that it cannot use,
 * dependency-cruiser resolves nothing and would find nothing wrong.
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { cruise } from 'dependency-cruiser';
import type { ICruiseResult, IForbiddenRuleType } from 'dependency-cruiser';

/** Each folder of capabilities may import itself, the two that all may use, and what lies below. */
const CAPABILITIES = [
  'decisions',
  'rbac',
  'directory',
  'requests',
  'signin',
  'impersonation',
  'mail',
  'audit',
  'sync',
  'doctor',
  'portable',
  'http',
];
const BELOW = ['platform/', 'shared/', 'contract/'];

/** Entry of src/ → the paths under src/ that it may import besides itself; a path ending in `/` is a folder. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  'main.ts': ['config.ts', 'compose.ts', 'commands.ts', 'shared/'],
  'compose.ts': ['config.ts', 'servers.ts', ...CAPABILITIES.map((name) => `${name}/`), ...BELOW],
  'operations.ts': ['config.ts', ...CAPABILITIES.map((name) => `${name}/`), ...BELOW],
  'servers.ts': ['operations.ts', ...CAPABILITIES.map((name) => `${name}/`), ...BELOW],
  'commands.ts': ['config.ts', ...CAPABILITIES.map((name) => `${name}/`), ...BELOW],
  'config.ts': ['settings.ts'],
  'settings.ts': ['shared/database-url.ts'],
  ...Object.fromEntries(CAPABILITIES.map((name) => [`${name}/`, ['audit/', 'sync/projection.ts', ...BELOW]])),
  'embedded/': ['config.ts', 'compose.ts', 'sync/', 'directory/', ...BELOW],
  'platform/': ['shared/', 'contract/'],
  'shared/': ['contract/'],
  'contract/': [],
};

/** Packages that speak to the outside or decide trust: behind src/platform/ alone. */
const BEHIND_PLATFORM = [
  'pg',
  '@openfga/sdk',
  '@opentelemetry/api',
  'jose',
  'prom-client',
  'nodemailer',
  '@node-rs/argon2',
];

const escaped = (path: string): string => path.replaceAll('.', String.raw`\.`);
const underSrc = (entry: string): string => `^src/${escaped(entry)}${entry.endsWith('/') ? '' : '$'}`;

const RULES: readonly IForbiddenRuleType[] = [
  ...Object.entries(MAY_IMPORT).map(([entry, allowed]): IForbiddenRuleType => {
    return {
      name: `\`src/${entry}\` may not import this`,
      severity: 'error',
      from: { path: underSrc(entry) },
      to: { path: '^src/', pathNot: [entry, ...allowed].map(underSrc) },
    };
  }),
  {
    name: '`src/shared/` imports types of the contract and nothing else of it',
    severity: 'error',
    from: { path: '^src/shared/' },
    to: { path: '^src/contract/', dependencyTypesNot: ['type-only'] },
  },
  {
    name: '`src/contract/` imports nothing',
    severity: 'error',
    from: { path: '^src/contract/' },
    to: { pathNot: '^src/contract/' },
  },
  {
    name: 'only `src/platform/` imports this package',
    severity: 'error',
    from: { path: '^src/', pathNot: '^src/platform/' },
    to: { path: BEHIND_PLATFORM.map((name) => `(^|node_modules/)${escaped(name)}(/|$)`) },
  },
  {
    name: 'what runs in production is a dependency in package.json',
    severity: 'error',
    from: { path: '^src/' },
    to: { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown', 'npm-bundled'] },
  },
  { name: 'a cycle', severity: 'error', from: {}, to: { circular: true } },
  { name: 'leads nowhere', severity: 'error', from: {}, to: { couldNotResolve: true } },
];

/** Every breach in the `src/` of `root`, as `from → to: rule`; and how many files were looked at. */
export async function importBreaches(root: string): Promise<{ breaches: string[]; files: number }> {
  const cruised = await cruise(['src'], {
    baseDir: root,
    ruleSet: { forbidden: [...RULES] },
    validate: true,
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default', 'types'] },
  });
  if (!isResult(cruised.output)) throw new Error('dependency-cruiser gave no result');
  const found = cruised.output.summary.violations.map(({ from, to, rule }) => `${from} → ${to}: ${rule.name}`);
  const files = cruised.output.modules.filter(({ source }) => source.startsWith('src/')).length;
  return { breaches: [...unknownEntries(root), ...new Set(found)], files };
}

function isResult(output: ICruiseResult | string): output is ICruiseResult {
  return typeof output !== 'string';
}

function unknownEntries(root: string): string[] {
  return readdirSync(join(root, 'src'), { withFileTypes: true })
    .map((entry) => (entry.isDirectory() ? `${entry.name}/` : entry.name))
    .filter((entry) => !(entry in MAY_IMPORT))
    .map((entry) => `src/${entry}: is not in the table of import rules`);
}
