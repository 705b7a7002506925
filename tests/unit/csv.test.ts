/** CSV that a spreadsheet opens, whichever of `,` and `;` its locale separates by: text stays text. */
import { expect, test } from 'vitest';

import { csvJson, csvLine } from '../../src/audit/csv.js';

test.each([
  ['=1+1', "'=1+1"],
  ['-2', "'-2"],
  // In a locale that separates by `;`, what comes after one is a cell of its own, and so is a line.
  ['Covers;=1+1;for Ben', "Covers;'=1+1;for Ben"],
  ['Covers;"=1+1', `"Covers;""'=1+1"`],
  ['Covers\r\n@SUM(A1)', `"Covers\r\n'@SUM(A1)"`],
  // Ordinary text and values.
  ['2026-11-27T10:00:00.000Z', '2026-11-27T10:00:00.000Z'],
  ['role.assign:acme.biller', 'role.assign:acme.biller'],
  ['7f0c1f6e-6c1b-4e1e-9a53-0b4d51a6f3aa', '7f0c1f6e-6c1b-4e1e-9a53-0b4d51a6f3aa'],
  ['checked; it stays', 'checked; it stays'],
  ['one\r\ntwo', '"one\r\ntwo"'],
  ['a, b', '"a, b"'],
])('the field %j is %j', (value, written) => {
  expect(csvLine([value, null])).toBe(`${written},\r\n`);
});

test('JSON in a field holds no separator, and is the same JSON', () => {
  const details = { reason: 'Covers;=1+1;', 'a;b': [1] };
  expect(csvJson(details)).not.toContain(';');
  expect(JSON.parse(csvJson(details))).toEqual(details);
});
