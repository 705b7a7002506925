/** Sizes, words and forms of the source, and every rule seen to fail on a file that breaks it. */
import { describe, expect, test } from 'vitest';

import { projectFiles, readText } from './support/files.js';
import { sourceBreaches } from './support/source-rules.js';

const sources = projectFiles().filter(
  (path) =>
    /^(src|console|clients\/\w+\/src|tests|scripts|bench|bin)\/.*\.(ts|tsx|mts|js|mjs)$/.test(path) &&
    !/^(clients\/\w+\/)?src\/contract\//.test(path),
);

test('the source keeps to the rules', () => {
  expect(sources.length).toBeGreaterThan(120);
  expect(sources.flatMap((path) => sourceBreaches(path, readText(path)))).toEqual([]);
});

test('no to-do lands without the number of its issue, in whatever language', () => {
  const texts = projectFiles().filter((path) => /\.(sql|ya?ml|fga|md)$|^\.ci\//.test(path));
  expect(texts.length).toBeGreaterThan(10);
  expect(texts.filter((path) => /\b(TODO|FIXME)\b(?!\(#\d+\)| #\d+)/.test(readText(path)))).toEqual([]);
});

const lines = (count: number, line = 'f();'): string => `${line}\n`.repeat(count);
const HEAD = '/**\n * What it is.\n */\n';

describe('a rule sees', () => {
  test.each<{ what: string; path?: string; text: string; breach: RegExp }>([
    { what: 'a file of 301 lines', text: HEAD + lines(298), breach: /has 301 lines/ },
    { what: 'a test of 601 lines', path: 'tests/unit/a.test.ts', text: lines(601), breach: /has 601 lines/ },
    { what: 'a long file without a head', text: lines(61), breach: /does not open with a comment/ },
    { what: 'a head of two lines', text: `/** One\n * two. */\n${lines(61)}`, breach: /does not open/ },
    { what: 'a head below the imports', text: `import 'a';\n${HEAD}${lines(61)}`, breach: /does not open/ },
    {
      what: 'a function of 61 lines',
      text: `${HEAD}function long() {\n${lines(59)}}`,
      breach: /^src\/sync\/a\.ts:4: is a function of 61 lines/,
    },
    {
      what: 'a method of 61 lines',
      text: `${HEAD}export const made = () => ({\n  long() {\n${lines(59)}},\n});`,
      breach: /:5: is a function of 61 lines/,
    },
    {
      what: 'a component of 61 lines',
      path: 'console/src/a.tsx',
      text: `${HEAD}export function Long() {\n  return (\n    <p>\n${lines(55, 'text')}    </p>\n  );\n}`,
      breach: /:4: is a function of 61 lines/,
    },
    {
      what: 'an assertion in a screen',
      path: 'console/src/a.tsx',
      text: '// why\nf(a as B);',
      breach: /asserts a type/,
    },
    { what: 'four parameters', text: 'const f = (a: A, b: B, c: C, d: D) => a;', breach: /takes 4 parameters/ },
    { what: '`any`', text: 'const f = (a: Record<string, any>) => a;', breach: /says `any`/ },
    { what: 'a silenced compiler', text: '// @ts-ignore\nf(1);', breach: /silences the compiler/ },
    { what: 'a file that is not checked', text: '// @ts-nocheck\nf(1);', breach: /silences the compiler/ },
    { what: 'an error expected for no reason', text: '// @ts-expect-error\nf(1);', breach: /without saying why/ },
    { what: 'a rule disabled for no reason', text: 'f(); // eslint-disable-line no-x', breach: /without a reason/ },
    { what: 'a to-do of nobody', text: '/* TODO: later */\nf();', breach: /to-do without an issue/ },
    { what: 'an exported default value', text: 'export default 1;', breach: /default export/ },
    { what: 'an exported default function', text: 'export default function f() {}', breach: /default export/ },
    { what: 'an exported default class', text: 'export default class A {}', breach: /default export/ },
    { what: 'something exported as default', text: 'const a = 1;\nexport { a as default };', breach: /default export/ },
    { what: 'an assertion where none may be', text: '// why\nf(a as B);', breach: /asserts a type \(`as B`\)/ },
    {
      what: 'an assertion in a client',
      path: 'clients/typescript/src/a.ts',
      text: '// why\nf(a as B);',
      breach: /asserts a type \(`as B`\)/,
    },
    { what: 'an assertion in front', text: '// why\nf(<B>a);', breach: /asserts a type/ },
    {
      what: 'an assertion that nothing explains',
      path: 'src/http/a.ts',
      text: '// why\n\nf(1);\nf(a as B);',
      breach: /:4: asserts a type without a comment/,
    },
    { what: 'a skipped test', path: 'tests/unit/a.test.ts', text: "test.skip('a', f);", breach: /`test\.skip`/ },
    {
      what: 'one test alone',
      path: 'tests/unit/a.test.ts',
      text: "describe.only('a', f);",
      breach: /`describe\.only`/,
    },
    {
      what: 'a skipped table',
      path: 'tests/unit/a.test.ts',
      text: "test.skip.each([1])('a', f);",
      breach: /`test\.skip`/,
    },
  ])('$what', ({ path = 'src/sync/a.ts', text, breach }) => {
    const found = sourceBreaches(path, text);
    expect(found).toEqual([expect.stringMatching(breach)]);
  });
});

describe('a rule does not mind', () => {
  test.each<{ what: string; path?: string; text: string }>([
    { what: 'a file of 300 lines', text: HEAD + lines(297) },
    {
      what: 'a factory of short functions',
      text: `${HEAD}function made() {\n${`g(() => {\n${lines(18)}});\n`.repeat(5)}}`,
    },
    { what: 'forbidden words in a string', text: 'const words = "@ts-ignore TODO eslint-disable export default any";' },
    { what: 'a to-do with its issue', text: '// TODO(#12): later\n// TODO #12\nf();' },
    {
      what: 'a rule disabled for a reason',
      text: '// eslint-disable-next-line no-x -- the caller has checked it\nf();',
    },
    { what: 'the last case of a switch', text: 'switch (a) {\n  default:\n    f();\n}' },
    { what: 'a value whose type is forgotten', text: 'const a = JSON.parse(b) as unknown;' },
    { what: '`as const` and `satisfies`', text: 'const a = [1] as const satisfies readonly number[];' },
    { what: 'an import under another name', text: "import { a as b } from './a.js';\nf(b);" },
    { what: 'an explained assertion', path: 'src/platform/a.ts', text: '// The driver types it so.\nf(a as B);' },
    {
      what: 'an assertion inside an explained statement',
      path: 'src/platform/a.ts',
      text: '// The driver types it so.\nreturn {\n  a: b as C,\n};',
    },
    { what: 'a test left out on some machines', path: 'tests/unit/a.test.ts', text: "test.skipIf(isRoot)('a', f);" },
  ])('$what', ({ path = 'src/sync/a.ts', text }) => {
    expect(sourceBreaches(path, text)).toEqual([]);
  });
});
