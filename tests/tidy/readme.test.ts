/**
 * The README says what is so. Tables made from the code are compared with it; `UPDATE_README=1` writes them anew.
 */
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';

import { projectFiles, readText } from './support/files.js';
import { measureService } from './support/measured.js';
import { ROOT } from './support/planted-tree.js';
import {
  columnBreaches,
  dependencyNames,
  entriesToMap,
  metricsTable,
  problemsTable,
  settingsTable,
  tableIn,
  withTable,
} from './support/readme.js';
import { linksIn, settingsNamed, testsNamed } from './support/references.js';

const isThere = (path: string): boolean => existsSync(join(ROOT, path));
const isSource = (path: string): boolean => /^(src|scripts|migrations|tests\/(support|unit|integration))\//.test(path);

test.each<{ name: string; make: () => string | Promise<string> }>([
  { name: 'settings', make: settingsTable },
  { name: 'problems', make: problemsTable },
  { name: 'metrics', make: async () => metricsTable((await measureService()).metrics) },
])('the table of $name is the one that the code makes', async ({ name, make }) => {
  const wanted = await make();
  if (process.env['UPDATE_README'] === '1') {
    writeFileSync(join(ROOT, 'README.md'), withTable(readText('README.md'), name, wanted));
  }
  expect(tableIn(readText('README.md'), name)).toBe(wanted);
});

test('the code map shows every entry of the root, of src/ and of tests/', () => {
  expect(columnBreaches(tableIn(readText('README.md'), 'code-map'), entriesToMap(projectFiles()))).toEqual([]);
});

test('every dependency has its reason', () => {
  const names = dependencyNames(readText('package.json'));
  expect(columnBreaches(tableIn(readText('README.md'), 'dependencies'), names)).toEqual([]);
});

test('every link and every test that it names exists', () => {
  const texts = ['README.md', 'SECURITY.md'].map(readText);
  const named = texts.flatMap((text) => [...linksIn(text), ...testsNamed(text)]);
  expect(named.filter((path) => !isThere(path))).toEqual([]);
});

test('every row of what fails names the test that has made it fail', () => {
  const readme = readText('README.md');
  const section = readme.slice(readme.indexOf('## When things fail'), readme.indexOf('## Threats'));
  const rows = section.split('\n').filter((line) => line.startsWith('| ') && !/^\| (What|---) /.test(line));
  expect(rows.length).toBeGreaterThan(30);
  expect(rows.filter((row) => testsNamed(row.split(' | ').at(-1) ?? '').length === 0)).toEqual([]);
});

test('every setting that the code reads is explained, and no other', () => {
  const read = projectFiles()
    .filter((path) => path.startsWith('src/'))
    .flatMap((path) => settingsNamed(readText(path)));
  expect(settingsNamed(readText('README.md')).sort()).toEqual([...new Set(read)].sort());
});

test('a test that a comment names as the holder of an invariant exists', () => {
  const missing = projectFiles()
    .filter(isSource)
    .flatMap((path) =>
      testsNamed(readText(path))
        .filter((named) => !isThere(named))
        .map((named) => `${path}: ${named}`),
    );
  expect(missing).toEqual([]);
});

describe('a rule sees', () => {
  const columns = (...rows: string[]): string => ['| A | B |', '| --- | --- |', ...rows].join('\n');

  test('what a table lacks, has too many, has twice or does not explain', () => {
    const markdown = columns(
      '| `a` | Explained here. |',
      '| `c` | Explained here. |',
      '| `d` |  |',
      '| `d` | Again, here. |',
    );
    expect(columnBreaches(markdown, ['a', 'b', 'd'])).toEqual([
      'b: is not in the table',
      'c: is in the table and nowhere else',
      'd: stands there twice',
      'd: is not explained',
    ]);
  });

  test('a folder and a file that the map does not show yet', () => {
    const files = [
      '.ci/run',
      '.npmrc',
      'README.md',
      'a.yaml',
      'bench/run.mjs',
      'src/main.ts',
      'src/new/x.ts',
      'tests/unit/a.ts',
    ];
    expect(entriesToMap(files)).toEqual(['.ci/', 'a.yaml', 'bench/', 'src/main.ts', 'src/new/', 'tests/unit/']);
  });

  test('a table that is not the one of the code', () => {
    const readme = 'before\n<!-- table:x -->\n| old |\n<!-- /table -->\nafter';
    expect(tableIn(readme, 'x')).toBe('| old |');
    expect(withTable(readme, 'x', '| new |')).toBe('before\n<!-- table:x -->\n| new |\n<!-- /table -->\nafter');
    expect(() => tableIn(readme, 'y')).toThrow('README.md has no table `y`');
  });

  test('a change of a setting, of a problem and of a metric', () => {
    expect(settingsTable()).toContain('| `BAILIWICK_PORT` | `7080` |');
    expect(problemsTable()).toContain('| `FORBIDDEN` | 403 |');
    const metric = { name: 'bailiwick_a', type: 'gauge', labels: ['b'], help: 'Says a.' };
    expect(metricsTable([metric])).toContain('| `bailiwick_a` | gauge | `b` | Says a. |');
  });

  test('a test, a link and a setting that are named', () => {
    const text = 'INVARIANT: see tests/unit/a.test.ts. [b](b/c.md#d) [e](https://a.test) `BAILIWICK_X_Y`, tests/unit/*';
    expect(testsNamed(text)).toEqual(['tests/unit/a.test.ts']);
    expect(linksIn(text)).toEqual(['b/c.md']);
    expect(settingsNamed(text)).toEqual(['BAILIWICK_X_Y']);
  });
});
