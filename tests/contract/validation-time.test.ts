/**
 * What a request costs before anyone has looked at what it asks: never more than its size, whatever it holds. One that
 * takes the only thread for seconds has stopped the service for everyone.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { type ContractDocument, type ContractOperation, operationsOf } from '../../src/http/contract.js';
import { AS_ADA, readOpenapi, type RunningApp, startApp } from '../support/http-app.js';

/** Of CPU: several times what the slowest of them took (75 ms on two busy cores). */
const MOST_MS = 500;

interface Schema {
  readonly $ref?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema | boolean;
  readonly items?: Schema;
  readonly maxItems?: number;
  readonly oneOf?: readonly Schema[];
  readonly anyOf?: readonly Schema[];
  readonly allOf?: readonly Schema[];
}

/** An array somewhere in a body: the fields that lead to it (0 for an item of another array). */
interface Place {
  readonly path: readonly (string | number)[];
  readonly maxItems: number;
}

const document = readOpenapi();

function placesOf(schema: Schema, path: readonly (string | number)[] = []): Place[] {
  const { $ref, items, maxItems = 0, properties = {}, additionalProperties } = schema;
  if ($ref !== undefined) return placesOf(componentOf(document, $ref), path);
  const branches = [schema.oneOf, schema.anyOf, schema.allOf].flatMap((each) => each ?? []);
  return [
    ...(items === undefined ? [] : [{ path, maxItems }, ...placesOf(items, [...path, 0])]),
    ...Object.entries(properties).flatMap(([name, inner]) => placesOf(inner, [...path, name])),
    ...(typeof additionalProperties === 'object' ? placesOf(additionalProperties, [...path, 'x']) : []),
    ...branches.flatMap((branch) => placesOf(branch, path)),
  ];
}

function componentOf({ components }: ContractDocument, reference: string): Schema {
  const [section = '', name = ''] = reference.replace('#/components/', '').split('/');
  // The contract's own, which the validator compiles.
  return components?.[section]?.[name] as Schema;
}

function bodySchemaOf({ path, method }: ContractOperation): Schema {
  const content = document.paths[path]?.[method.toLowerCase()]?.requestBody?.content;
  // As OpenAPI has it.
  return (
    (content as Readonly<Record<string, { readonly schema?: Schema }>> | undefined)?.['application/json']?.schema ?? {}
  );
}

/** One item of a hostile array, which has `share` bytes of the body. */
const ITEMS: Record<string, (at: number, share: number) => string> = {
  'empty objects': () => '{}',
  'empty lists': () => '[]',
  nothing: () => 'null',
  numbers: (at) => String(at),
  texts: (at) => `"users.a${at}"`,
  'long texts that differ at their ends': (at, share) => `"${'a'.repeat(Math.max(0, share - 12))}${at}"`,
  'long lists that differ at their beginnings': (at, share) => `[${at}${',0'.repeat(Math.max(0, share / 2 - 8))}]`,
};

/** A body of at most `maxBytes` with `most` such items, or as many as fit, at the place. */
function hostileBody(
  { path }: Place,
  item: (typeof ITEMS)[string],
  { maxBytes, most }: { readonly maxBytes: number; readonly most: number | undefined },
): string {
  const around = path.reduceRight<string>(
    (inner, field) => (typeof field === 'number' ? `[${inner}]` : `{${JSON.stringify(field)}:${inner}}`),
    '…',
  );
  let size = around.length + 2;
  const items: string[] = [];
  while (items.length < (most ?? Infinity)) {
    const next = item(items.length, maxBytes / (most ?? Infinity));
    if ((size += next.length + 1) > maxBytes) break;
    items.push(next);
  }
  return around.replace('…', () => `[${items.join(',')}]`);
}

let app: RunningApp;
beforeAll(async () => {
  app = await startApp();
});
afterAll(() => app.server.stop());

async function cpuMsOf({ method, path, basePath }: ContractOperation, body: string): Promise<number> {
  const origin = basePath === undefined ? app.base : new URL(app.base).origin + basePath;
  const headers = { ...AS_ADA, 'content-type': 'application/json', 'timeout-ms': '10000' };
  const startedAt = process.cpuUsage();
  const response = await fetch(origin + path.replace(/\{\w+\}/g, 'x'), { method, headers, body });
  await response.arrayBuffer();
  const { user, system } = process.cpuUsage(startedAt);
  // None of these has seen the body.
  expect([404, 405, 413, 415, 503]).not.toContain(response.status);
  return (user + system) / 1000;
}

describe('a body of all the bytes that it may have', () => {
  const withArrays = operationsOf(document)
    .map((operation) => ({ operation, places: placesOf(bodySchemaOf(operation)) }))
    .filter(({ places }) => places.length > 0)
    .map(({ operation, places }) => ({ id: operation.id, operation, places }));

  test('may hold an array in some operations', () => {
    expect(withArrays.map(({ id }) => id)).toEqual(expect.arrayContaining(['batchCheck', 'whatIf', 'createUser']));
  });

  test.each(withArrays)('$id', async ({ operation, places }) => {
    // The first request of an operation makes its validator.
    await cpuMsOf(operation, '{}');
    for (const place of places) {
      for (const [what, item] of Object.entries(ITEMS)) {
        // The smaller ones first: where the cost is the square of the size, the whole would take minutes to fail.
        for (const [most, part] of [
          [place.maxItems, 1],
          [undefined, 1 / 16],
          [undefined, 1 / 4],
          [undefined, 1],
        ] as const) {
          const body = hostileBody(place, item, { maxBytes: operation.bodyLimits.maxBytes * part, most });
          const spent = await cpuMsOf(operation, body);
          expect(spent, `${place.path.join('.')}: ${most ?? 'all'} ${what}`).toBeLessThan(MOST_MS);
        }
      }
    }
  });
});

/** The patterns of the contract, each with where one stands that has it. */
function patternsOf(value: unknown, where: string): [string, string][] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, inner]): [string, string][] =>
    name === 'pattern' && typeof inner === 'string' ? [[inner, where]] : patternsOf(inner, `${where}/${name}`),
  );
}

/** One character of each kind that the pattern tells apart: those which all its classes and letters treat alike. */
function kindsOf(pattern: string): string[] {
  const parts = pattern.match(/\[(?:\\.|[^\]])*\]|\\x[0-9a-f]{2}|\\.|[^\\[\](){}^$*+?|,]/g) ?? [];
  const tests = parts.map((part) => new RegExp(`^${part}$`, 'u'));
  const kinds = new Map<string, string>();
  for (const sign of [
    ...Array.from({ length: 128 }, (_, code) => String.fromCharCode(code)),
    '\u00a0',
    'é',
    '\u{1f600}',
  ]) {
    const kind = tests.map((test) => Number(test.test(sign))).join('');
    if (!kinds.has(kind)) kinds.set(kind, sign);
  }
  return [...kinds.values()];
}

/** Long texts that begin as they may, go on with one kind or with two, and end in a way that may be refused. */
function* hostileTexts(pattern: string, length: number): Generator<string> {
  const kinds = kindsOf(pattern);
  const heads = ['', ...(pattern.match(/[a-z]+:/g) ?? []), 'a', 'A', 'a@'];
  const units = kinds.flatMap((one) => kinds.map((other) => one + other));
  for (const unit of units) {
    const [one = '', other = ''] = unit;
    const bodies = [unit.repeat(length / 2), one.repeat(length / 2) + other.repeat(length / 2)];
    for (const body of bodies) for (const head of heads) for (const end of kinds) yield head + body + end;
  }
}

describe('a pattern takes time in proportion to the text', () => {
  // Its length is looked at as well, and no sooner.
  test.each([...new Map(patternsOf(document, ''))])('%s of %s', (pattern) => {
    const matcher = new RegExp(pattern, 'u');
    const cpuMs = (text: string): number => {
      const startedAt = process.cpuUsage();
      matcher.test(text);
      const { user, system } = process.cpuUsage(startedAt);
      return (user + system) / 1000;
    };
    // What is slow once may have met the garbage collector; what is slow three times is slow.
    const isSlow = (text: string): boolean => [1, 2, 3].every(() => cpuMs(text) > 20);
    for (const text of hostileTexts(pattern, 16_384)) {
      if (isSlow(text)) expect.fail(`slow on ${JSON.stringify(`${text.slice(0, 6)}…${text.slice(-2)}`)}`);
    }
  });
});
