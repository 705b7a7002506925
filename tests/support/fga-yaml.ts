/**
 * Runs `.fga.yaml` store tests against a real server, over OpenFGA's HTTP API.
 *
 * The files are those that `fga model test --tests` takes; that command evaluates them in a server of its own making,
 * this runner asks the one that is shipped. Each test gets a store of its own. A part of the form that is not known
 * here is refused, so that no expectation can be skipped unseen.
 *
 * INVARIANT: an answer that is not exactly the expected one, an error included, is a failure in the report.
 * tests/integration/model.test.ts runs a false expectation of each kind.
 */
import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import syntax from '@openfga/syntax-transformer';
import { parse } from 'yaml';
import { z } from 'zod';

const context = z.record(z.string(), z.unknown()).optional();
const condition = z.strictObject({ name: z.string(), context: z.record(z.string(), z.unknown()) });
const tuple = z.strictObject({
  user: z.string(),
  relation: z.string(),
  object: z.string(),
  condition: condition.optional(),
});
const check = z.strictObject({
  user: z.string(),
  object: z.string(),
  context,
  assertions: z.record(z.string(), z.boolean()),
});
const listObjects = z.strictObject({
  user: z.string(),
  type: z.string(),
  context,
  assertions: z.record(z.string(), z.array(z.string())),
});
const storeTest = z.strictObject({
  name: z.string(),
  model_file: z.string(),
  tuples: z.array(tuple).default([]),
  tests: z
    .array(
      z.strictObject({
        name: z.string(),
        tuples: z.array(tuple).default([]),
        check: z.array(check).default([]),
        list_objects: z.array(listObjects).default([]),
      }),
    )
    .min(1),
});

type Tuple = z.infer<typeof tuple>;
type StoreTest = z.infer<typeof storeTest>;

/** An expectation that the server did not meet. */
export interface UnmetExpectation {
  readonly test: string;
  readonly question: string;
  readonly expected: string;
  readonly actual: string;
}

export interface StoreTestReport {
  /** How many answers were compared. */
  readonly compared: number;
  readonly unmet: readonly UnmetExpectation[];
}

/**
 * Runs all tests of a file.
 *
 * @throws where the file is not of the known form, or the server refuses the model or a tuple
 */
export async function runStoreTest(file: string, apiUrl: string): Promise<StoreTestReport> {
  const parsed = storeTest.parse(parse(await readFile(file, 'utf8'), { maxAliasCount: -1 }));
  const model: unknown = syntax.transformer.transformDSLToJSONObject(
    await readFile(resolve(dirname(file), parsed.model_file), 'utf8'),
  );
  const unmet: UnmetExpectation[] = [];
  let compared = 0;
  for (const test of parsed.tests) {
    const store = await createModelStore(apiUrl, model);
    try {
      await store.write([...parsed.tuples, ...test.tuples]);
      for (const { question, expected, ask } of questionsOf(test)) {
        const actual = await ask(store);
        compared += 1;
        if (actual !== expected) unmet.push({ test: test.name, question, expected, actual });
      }
    } finally {
      await store.remove();
    }
  }
  return { compared, unmet };
}

interface Question {
  readonly question: string;
  readonly expected: string;
  readonly ask: (store: ModelStore) => Promise<string>;
}

function questionsOf(test: StoreTest['tests'][number]): Question[] {
  const checks = test.check.flatMap(({ user, object, context, assertions }) =>
    Object.entries(assertions).map(([relation, expected]) => ({
      question: `check ${user} ${relation} ${object} ${JSON.stringify(context)}`,
      expected: String(expected),
      ask: (store: ModelStore) => store.check({ tuple_key: { user, relation, object }, context }),
    })),
  );
  const lists = test.list_objects.flatMap(({ user, type, context, assertions }) =>
    Object.entries(assertions).map(([relation, expected]) => ({
      question: `list ${type} ${user} ${relation} ${JSON.stringify(context)}`,
      expected: expected.toSorted().join(' '),
      ask: (store: ModelStore) => store.listObjects({ user, relation, type, context }),
    })),
  );
  return [...checks, ...lists];
}

/** A store with one model. Answers are texts, so that an error is an answer too: a wrong one. */
export interface ModelStore {
  write(tuples: readonly Tuple[]): Promise<void>;
  /** `true`, `false`, or the error. */
  check(body: Record<string, unknown>): Promise<string>;
  /** The objects, sorted and parted by blanks, or the error. */
  listObjects(body: Record<string, unknown>): Promise<string>;
  remove(): Promise<void>;
}

/** Creates a store with `model` in it. Remove it when done. */
export async function createModelStore(apiUrl: string, model: unknown): Promise<ModelStore> {
  const post = async (path: string, body: unknown): Promise<Response> =>
    fetch(new URL(path, apiUrl), {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
  const created = z.object({ id: z.string() });
  const { id } = created.parse(await accepted(await post('/stores', { name: 'model-test' })));
  const written = z.object({ authorization_model_id: z.string() });
  const answer = await accepted(await post(`/stores/${id}/authorization-models`, model));
  const modelId = written.parse(answer).authorization_model_id;
  const ask = (operation: string, body: object): Promise<Response> =>
    post(`/stores/${id}/${operation}`, { authorization_model_id: modelId, ...body });

  return {
    async write(tuples) {
      for (let start = 0; start < tuples.length; start += 100) {
        await accepted(await ask('write', { writes: { tuple_keys: tuples.slice(start, start + 100) } }));
      }
    },
    async check(body) {
      const response = await ask('check', body);
      if (!response.ok) return refusal(response);
      return String(z.object({ allowed: z.boolean() }).parse(await response.json()).allowed);
    },
    async listObjects(body) {
      const response = await ask('list-objects', body);
      if (!response.ok) return refusal(response);
      const { objects } = z.object({ objects: z.array(z.string()) }).parse(await response.json());
      return objects.toSorted().join(' ');
    },
    async remove() {
      await fetch(new URL(`/stores/${id}`, apiUrl), { method: 'DELETE' });
    },
  };
}

async function accepted(response: Response): Promise<unknown> {
  if (!response.ok) throw new Error(await refusal(response));
  return response.json();
}

async function refusal(response: Response): Promise<string> {
  return `error ${response.status}: ${await response.text()}`;
}
