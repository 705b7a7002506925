import fc from 'fast-check';
import { expect, test } from 'vitest';

import { engineName, isId, MalformedIdError } from '../../src/shared/ids.js';

const ID_CHARACTERS = 'A B C X Y Z a b c x y z 0 1 8 9 _ . @ | + = ~ -'.split(' ');
const FIRST_CHARACTERS = ID_CHARACTERS.filter((character) => /\w/.test(character));

const anyId = fc
  .tuple(fc.constantFrom(...FIRST_CHARACTERS), fc.string({ unit: fc.constantFrom(...ID_CHARACTERS), maxLength: 119 }))
  .map(([first, rest]) => first + rest);

const HOSTILE: [string, unknown][] = [
  ['everyone', '*'],
  ['a typed wildcard', 'user:*'],
  ['a userset', 'a#member'],
  ["another role's assignees", 'role:x#assignee'],
  ['our own joint', 'a/b'],
  ['a joint at the end', 'a/'],
  ['nothing', ''],
  ['white space', 'a b'],
  ['white space at the end', 'a '],
  ['a line end at the end, which `$` forgives in other languages', 'a\n'],
  ['a carriage return', 'a\r'],
  ['a tab', 'a\tb'],
  ['NUL', 'a\u0000'],
  ['a bell', '\u0007'],
  ['delete', 'a\u007f'],
  ['a C1 control', 'a\u0085'],
  ['a no-break space', 'a\u00a0b'],
  ['a zero-width joiner', 'a\u200db'],
  ['a right-to-left override', 'a\u202eb'],
  ['a byte order mark', '\ufeffa'],
  ['a letter outside ASCII', 'é'],
  ['the same letter, decomposed', 'e\u0301'],
  ['a full-width colon', 'a\uff1ab'],
  ['a lone surrogate', 'a\ud83d'],
  ['4-byte emoji up to the limit', '😀'.repeat(60)],
  ['an emoji at the 120th place', `${'a'.repeat(119)}😀`],
  ['121 characters', 'a'.repeat(121)],
  ['very many characters', 'a'.repeat(1_000_000)],
  ['a leading dot', '.a'],
  ['a leading dash', '-a'],
  ['a leading at sign', '@a'],
  ['a per cent sign', 'a%2f'],
  ['a quote', "a'"],
  ['a backslash', 'a\\'],
  ['a number', 7],
  ['null', null],
  ['undefined', undefined],
  ['a list that prints as an id', ['a']],
  ['an object that prints as an id', { toString: () => 'a' }],
];

test.each(HOSTILE)('refuses %s as an id', (_, value) => {
  expect(isId(value)).toBe(false);
  for (const name of Object.values(engineName)) {
    // Every place, not only the first: what arrives as text from a database has no type to lean on.
    const make = name as (a: unknown, b: unknown) => string;
    expect(() => make(value, 'ok')).toThrow(MalformedIdError);
    if (name.length === 2) expect(() => make('ok', value)).toThrow(MalformedIdError);
  }
});

test.each(['a', '0', '_', 'a'.repeat(120), 'anne@example.com', 'auth0|5f7c', 'CN=anne+ou=x', '01J~2-_.'])(
  'takes `%s` as an id',
  (id) => {
    expect(isId(id)).toBe(true);
  },
);

test('the message about a malformed id does not repeat a megabyte of it', () => {
  expect(new MalformedIdError('a'.repeat(1_000_000)).message.length).toBeLessThan(300);
});

test('the encoding is injective: equal names come from equal ids and one type', () => {
  const named = fc
    .record({ type: fc.constantFrom(...(Object.keys(engineName) as (keyof typeof engineName)[])), a: anyId, b: anyId })
    .map(({ type, a, b }) => ({
      name: engineName[type](a, b),
      from: engineName[type].length === 2 ? [type, a, b] : [type, a],
    }));
  fc.assert(
    fc.property(named, named, (one, other) => {
      expect(one.name === other.name).toBe(JSON.stringify(one.from) === JSON.stringify(other.from));
    }),
    { numRuns: 500 },
  );
});

test('the encoding stays injective where the ids are as like each other as they can be', () => {
  const like = fc.string({ unit: fc.constantFrom('a', '.', '_'), minLength: 1, maxLength: 3 }).filter(isId);
  const seen = new Map<string, string>();
  fc.assert(
    fc.property(like, like, (tenant, id) => {
      const name = engineName.role(tenant, id);
      const from = JSON.stringify([tenant, id]);
      expect(seen.get(name) ?? from).toBe(from);
      seen.set(name, from);
    }),
    { numRuns: 500 },
  );
});

test("every name stays under the engine's limits, at the longest ids too", () => {
  const longest = 'a'.repeat(120);
  for (const name of Object.values(engineName)) {
    const made = name(longest, longest);
    expect(made.length).toBeLessThanOrEqual(256 + '#assignee'.length);
    expect(Buffer.byteLength(made)).toBeLessThanOrEqual(512);
    expect(made.split('#')[0]?.length).toBeLessThanOrEqual(256);
    expect(made).toMatch(/^[a-z]+:[^:#*\s]+(#assignee)?$/);
  }
});
