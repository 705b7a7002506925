/** Asking by halves: the model has the ways that it goes by, and what either half denies is asked as a whole. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';

import { confirm, WAY_BY_TENANT } from '../../src/decisions/confirm.js';
import type { EngineCheck, TupleStore } from '../../src/shared/tuple.js';
import { EngineError } from '../../src/shared/tuple.js';

const model = readFileSync(new URL('../../model.fga', import.meta.url), 'utf8');

test.each(Object.entries(WAY_BY_TENANT))('the model lets `%s` be had by `%s` on the tenant', (permission, wide) => {
  const definition = new RegExp(`^ *define ${permission.replace('.', '\\.')}: (.*)$`, 'm').exec(model)?.[1] ?? '';
  expect(definition.split(' or ')).toContain(`${wide} from tenant`);
  // a condition on the whole would not be asked by halves
  expect(definition).not.toMatch(/\b(and|but not)\b/);
});

const question = { userId: 'u', tenantId: 't', permission: 'record.read', type: 'record', fresh: false } as const;

/** An engine that says yes to these, as `user relation object`; everything that it was asked. */
async function asked(
  yes: readonly string[],
  { ids = ['a', 'b'], isWide = true, fault }: { ids?: string[]; isWide?: boolean; fault?: string } = {},
): Promise<{ answers: unknown[]; batches: string[][] }> {
  const batches: string[][] = [];
  const batchCheck = (questions: readonly EngineCheck[]) => {
    const names = questions.map(({ user, relation, object }) => `${user} ${relation} ${object}`);
    batches.push(names);
    return Promise.resolve(
      names.map((name) =>
        name === fault ? new EngineError('down', { kind: 'unavailable', applied: 'no' }) : yes.includes(name),
      ),
    );
  };
  const tuples: Partial<TupleStore> = { batchCheck };
  const limits = () => ({ timeoutMs: 1_000 });
  const answers = await confirm(question, { ids, isWide, at: new Date(), limits }, tuples as TupleStore);
  return { answers, batches };
}

const WIDE = 'user:u records.read tenant:t';
const ofTenant = (id: string): string => `tenant:t tenant record:t/${id}`;
const whole = (id: string): string => `user:u record.read record:t/${id}`;

describe('who may read all of the tenant', () => {
  test('is asked about by halves', async () => {
    const { answers, batches } = await asked([WIDE, ofTenant('a'), ofTenant('b')]);
    expect(answers).toEqual([true, true]);
    expect(batches).toEqual([[WIDE], [ofTenant('a'), ofTenant('b')]]);
  });

  test('and asked the whole question where an object is not the tenant’s', async () => {
    const { answers, batches } = await asked([WIDE, ofTenant('a')]);
    expect(answers).toEqual([true, false]);
    expect(batches[2]).toEqual([whole('b')]);
    expect((await asked([WIDE, ofTenant('a'), whole('b')])).answers).toEqual([true, true]);
  });

  test('and for each object where the permission is not held', async () => {
    const { answers, batches } = await asked([ofTenant('a'), ofTenant('b'), whole('b')]);
    expect(answers).toEqual([false, true]);
    expect(batches[2]).toEqual([whole('a'), whole('b')]);
  });

  test('and what is not answered is an error, never a no', async () => {
    const error = expect.any(EngineError) as EngineError;
    const yes = [WIDE, ofTenant('a'), ofTenant('b')];
    expect((await asked(yes, { fault: WIDE })).answers).toEqual([error, error]);
    expect((await asked(yes, { fault: ofTenant('b') })).answers).toEqual([true, error]);
    expect((await asked([WIDE], { fault: whole('a') })).answers).toEqual([error, false]);
  });
});

test('anybody else is asked about object by object', async () => {
  const { answers, batches } = await asked([whole('a')], { isWide: false });
  expect(answers).toEqual([true, false]);
  expect(batches).toEqual([[whole('a'), whole('b')]]);
});
