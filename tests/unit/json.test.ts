import fc from 'fast-check';
import { expect, test } from 'vitest';

import { parseJson } from '../../src/http/json.js';
import { Problem } from '../../src/shared/problem.js';

const parse = (text: string): unknown => parseJson(Buffer.from(text, 'utf8'), 200);

test('what JSON.stringify wrote is read back, or refused for its size or its `__proto__`', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 10 }), fc.constantFrom(0, 2), (value, indent) => {
      const text = JSON.stringify(value, null, indent);
      let read: unknown;
      try {
        read = parse(text);
      } catch (error) {
        expect(error).toBeInstanceOf(Problem);
        expect(text).toMatch(/__proto__/);
        return;
      }
      expect(JSON.stringify(read)).toBe(JSON.stringify(value));
    }),
  );
});

test('any text at all is JSON or a problem, never another error', () => {
  const text = fc.string({
    unit: fc.constantFrom('{', '}', '[', ']', '"', '\\', ':', ',', ' ', 'a', '1', 'u0061', '\n', 'é'),
  });
  fc.assert(
    fc.property(text, (input) => {
      let expected: unknown = undefined;
      try {
        expected = JSON.parse(input);
      } catch {
        expect(() => parse(input)).toThrow(Problem);
        return;
      }
      try {
        expect(parse(input)).toEqual(expected);
      } catch (error) {
        // Valid JSON is refused for one reason alone in texts this small.
        expect((error as Problem).errors[0]?.message).toBe('must not be given twice');
      }
    }),
    { numRuns: 2_000 },
  );
});

test('a string that holds brackets, quotes and colons is only a string', () => {
  const text = String.raw`{"a\"}{[:":"}\\","b":["\":",{"a\"}{[:":1}]}`;
  expect(parse(text)).toEqual(JSON.parse(text));
});

test.each([
  ['33 levels', '['.repeat(33) + ']'.repeat(33), 'it is nested more than 32 deep'],
  ['49,000 levels', '{"a":'.repeat(49_000), 'it is nested more than 32 deep'],
  ['201 keys', `{${keys(201)}}`, 'it has more than 200 keys'],
  ['201 keys in two objects', `[{${keys(101)}},{${keys(100)}}]`, 'it has more than 200 keys'],
])('%s are too many', (_name, text, reason) => {
  expect(() => parse(text)).toThrow(reason);
});

test('32 levels and 200 keys are not', () => {
  expect(parse('['.repeat(32) + ']'.repeat(32))).toHaveLength(1);
  expect(Object.keys(parse(`{${keys(200)}}`) as object)).toHaveLength(200);
});

function keys(count: number): string {
  return Array.from({ length: count }, (_, at) => `"k${at}":${at}`).join(',');
}

test('the time is linear in the length', () => {
  const megabytes = (count: number): string => `"${'\\\\'.repeat(count * 500_000)}"`;
  const time = (text: string): number => {
    const startedAt = process.cpuUsage();
    parse(text);
    const { user, system } = process.cpuUsage(startedAt);
    return user + system;
  };
  time(megabytes(1));
  expect(time(megabytes(4))).toBeLessThan(20 * time(megabytes(1)) + 50_000);
});
