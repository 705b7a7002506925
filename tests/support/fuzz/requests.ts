/**
 * Requests to every operation of the contract, valid ones more often than not. The same for the same seed and the same
 * words, as far as the words that answers bring are the same.
 */
import type { ContractDocument, ContractOperation } from '../../../src/http/contract.js';
import { operationsOf } from '../../../src/http/contract.js';
import { createValues, HOSTILE_VALUES } from './values.js';
import type { Random, Schema, ValueMaker } from './values.js';

export interface FuzzedRequest {
  readonly operation: ContractOperation;
  readonly method: string;
  /** After the base of the contract. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
}

export interface FuzzerOptions {
  readonly random: Random;
  readonly words: () => readonly string[];
  /** Headers of somebody who calls. */
  readonly callers: readonly Readonly<Record<string, string>>[];
}

interface Parameter {
  readonly $ref?: string;
  readonly name: string;
  readonly in: 'path' | 'query' | 'header';
  readonly required?: boolean;
  readonly schema: Schema;
}

/** Makes one request after the other. */
export function createFuzzer(document: ContractDocument, options: FuzzerOptions): () => FuzzedRequest {
  const { random } = options;
  const find = (ref: string): unknown =>
    ref
      .replace('#/', '')
      .split('/')
      .reduce<unknown>((at, key) => (at as Record<string, unknown>)[key], document);
  const values = createValues({ random, words: options.words, resolve: (ref) => find(ref) as Schema });
  const operations = operationsOf(document);

  return () => {
    const operation = random.pick(operations);
    const described = document.paths[operation.path]?.[operation.method.toLowerCase()];
    const parameters = (described?.parameters ?? []).map((one) => {
      const parameter = one as Parameter;
      return parameter.$ref === undefined ? parameter : (find(parameter.$ref) as Parameter);
    });
    const hostility = random.chance(0.6) ? 0 : random.pick([0.02, 0.1, 0.4]);
    const body = operation.takesBody ? bodyOf(described?.requestBody, { values, random, hostility }) : undefined;
    return {
      operation,
      method: operation.method,
      ...placed(operation.path, parameters, { values, random, hostility }),
      ...(body === undefined ? { body: undefined } : { body: body.text }),
      headers: {
        ...headersOf(parameters, { values, random, hostility }),
        ...random.pick(options.callers),
        ...body?.headers,
      },
    };
  };
}

interface Making {
  readonly values: ValueMaker;
  readonly random: Random;
  readonly hostility: number;
}

function placed(path: string, parameters: readonly Parameter[], making: Making): { path: string } {
  const { values, hostility } = making;
  const filled = path.replace(/\{(\w+)\}/g, (_, name: string) => {
    const schema = parameters.find((one) => one.in === 'path' && one.name === name)?.schema ?? {};
    return encoded(values.make(schema, hostility)) || 'x';
  });
  const query = wanted(parameters, 'query', making).map(
    ({ name, schema }) => `${name}=${encoded(values.make(schema, hostility))}`,
  );
  return { path: query.length === 0 ? filled : `${filled}?${query.join('&')}` };
}

function wanted(parameters: readonly Parameter[], place: Parameter['in'], { random, hostility }: Making): Parameter[] {
  return parameters.filter(
    (one) => one.in === place && (one.required === true ? !random.chance(hostility) : random.chance(0.25)),
  );
}

function headersOf(parameters: readonly Parameter[], making: Making): Record<string, string> {
  return Object.fromEntries(
    wanted(parameters, 'header', making).map(({ name, schema }) => {
      const text = plain(making.values.make(schema, making.hostility)).slice(0, 2_000);
      // What HTTP itself does not carry never arrives.
      return [name, text.replace(/[^\t\u0020-\u007e]/g, '?').trim()];
    }),
  );
}

const JSON_TYPE = { 'content-type': 'application/json' };

function bodyOf(
  requestBody: unknown,
  { values, random, hostility }: Making,
): { readonly text: string; readonly headers: Record<string, string> } {
  const { content } = requestBody as { content: Record<string, { schema: Schema }> };
  const value = values.make(content['application/json']?.schema ?? {}, hostility);
  const text = JSON.stringify(value);
  if (!random.chance(hostility)) return { text, headers: JSON_TYPE };
  const [spoilt, headers] = random.pick<readonly [string, Record<string, string>]>([
    [text.slice(0, -1), JSON_TYPE],
    [`${text}${text}`, JSON_TYPE],
    ['', JSON_TYPE],
    [`{"a":1,"a":2,${text.slice(1)}`, JSON_TYPE],
    [text, { 'content-type': 'text/plain' }],
    [text, { 'content-type': 'application/json; charset=utf-16' }],
    [text, { ...JSON_TYPE, 'content-encoding': 'gzip' }],
    [text, {}],
    ['['.repeat(5_000), JSON_TYPE],
    [JSON.stringify(random.pick(HOSTILE_VALUES)), JSON_TYPE],
    [`"${'x'.repeat(200_000)}"`, JSON_TYPE],
  ]);
  return { text: spoilt, headers };
}

function plain(value: unknown): string {
  if (typeof value === 'string') return value;
  return JSON.stringify(value);
}

/** For an address; a lone half of a character has no encoding. */
function encoded(value: unknown): string {
  return encodeURIComponent(
    plain(value)
      .replace(/\p{Surrogate}/gu, '?')
      .slice(0, 3_000),
  );
}
