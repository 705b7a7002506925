/** Statements of the source whose forms Postgres may run otherwise than they read. */
import { expect, test } from 'vitest';

import { projectFiles, readText } from './support/files.js';

/** Each `in (select … limit …)` of a text: what is between its brackets. */
function limitedMembers(text: string): string[] {
  return [...text.matchAll(/\bin \(\s*select\b/gi)]
    .map(({ index }) => bracketAt(text, text.indexOf('(', index)))
    .filter((inner) => /\blimit\b/i.test(inner));
}

function bracketAt(text: string, from: number): string {
  let depth = 0;
  for (let at = from; at < text.length; at += 1) {
    if (text[at] === '(') depth += 1;
    if (text[at] === ')' && (depth -= 1) === 0) return text.slice(from, at + 1);
  }
  return text.slice(from);
}

test('no rows are chosen up to a limit inside `in (…)`, which a nested loop runs again and again', () => {
  const statements = projectFiles().filter((path) => /^src\/.*\.ts$|^tests\/support\/schema\.sql$/.test(path));
  expect(statements.length).toBeGreaterThan(100);
  expect(statements.flatMap((path) => limitedMembers(readText(path)).map((inner) => `${path}: ${inner}`))).toEqual([]);
});

test('such a choice is seen', () => {
  expect(
    limitedMembers('delete from a where id in (\n select id from b where c in (1) limit 5 for update)'),
  ).toHaveLength(1);
  expect(limitedMembers('where id = any (array(select id from b limit 5)) and x in (select y from z) limit 3')).toEqual(
    [],
  );
});
