/** docs/asvs.md has every requirement that it says it has, once, and says of each where it is held or why it is not. */
import { existsSync } from 'node:fs';
import { join, posix } from 'node:path';
import { expect, test } from 'vitest';

import { readText } from './support/files.js';
import { ROOT } from './support/planted-tree.js';
import { linksIn, testsNamed } from './support/references.js';

/** How many requirements of level 1 and 2 each section of ASVS 5.0.0 begins with; those of level 3 stand behind them. */
const SECTIONS: Readonly<Record<string, number>> = {
  ...{ '2.1': 3, '2.2': 3, '2.3': 4, '2.4': 1, '4.1': 3, '4.2': 1, '4.3': 2, '4.4': 4 },
  ...{ '6.1': 3, '6.2': 12, '6.3': 4, '6.4': 4, '6.5': 5, '6.6': 3, '6.8': 4 },
  ...{ '7.1': 3, '7.2': 4, '7.3': 2, '7.4': 5, '7.5': 2, '7.6': 2, '8.1': 2, '8.2': 3, '8.3': 1, '8.4': 1 },
  ...{ '9.1': 3, '9.2': 4, '11.1': 2, '11.2': 3, '11.3': 3, '11.4': 4, '11.5': 1, '11.6': 1 },
  ...{ '13.1': 1, '13.2': 5, '13.3': 2, '13.4': 5, '14.1': 2, '14.2': 4, '14.3': 3 },
  ...{ '15.1': 3, '15.2': 3, '15.3': 7, '16.1': 1, '16.2': 5, '16.3': 4, '16.4': 3, '16.5': 3 },
};
const CHOSEN = ['6.3.8', '8.2.4', '8.3.2', '8.3.3', '15.4.2', '16.5.4'];
const VERDICTS = ['held', 'part', 'no', 'yours', 'n/a'];

const text = readText('docs/asvs.md');
const rows = [...text.matchAll(/^\| (\d+\.\d+\.\d+) +\| (\S+) +\| (.*?) +\|$/gm)].map(
  ([, id = '', verdict = '', where = '']) => ({ id, verdict, where }),
);

test('every requirement of level 1 and 2 is there, and the six that were chosen, each once', () => {
  const wanted = Object.entries(SECTIONS).flatMap(([section, count]) =>
    Array.from({ length: count }, (_, at) => `${section}.${String(at + 1)}`),
  );
  expect(wanted).toHaveLength(153);
  expect(rows.map(({ id }) => id).toSorted()).toEqual([...wanted, ...CHOSEN].toSorted());
});

test('what is held names a test or a document, and all else says why', () => {
  const named = ({ where }: { where: string }): boolean => testsNamed(where).length > 0 || /`[^`]+`|\]\(/.test(where);
  expect(rows.filter(({ verdict }) => !VERDICTS.includes(verdict))).toEqual([]);
  expect(rows.filter((row) => row.verdict === 'held' && !named(row))).toEqual([]);
  expect(rows.filter(({ verdict, where }) => verdict !== 'held' && where.length < 12)).toEqual([]);
});

test('what it names exists, and its count is that of its rows', () => {
  const links = linksIn(text).map((link) => posix.join('docs', link));
  expect(links.length).toBeGreaterThan(40);
  expect(links.filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
  const counts = VERDICTS.map(
    (verdict) => `${String(rows.filter((row) => row.verdict === verdict).length)} ${verdict}`,
  );
  expect(text).toContain(`${String(rows.length)} in all: ${counts.join(', ')}.`);
});
