/**
 * The answers of every surface against an independent reading of the rows (oracle.ts), on random worlds and histories.
 *
 * Rows are written while two replicas answer; each question carries the sync token of the last write and must then be
 * answered as the rows say, at moments on both sides of every window, to the microsecond. `ORACLE_SEED` plays a run
 * again; a mismatch names its seed, and belongs into scenarios/ once it is understood.
 */
import { randomInt } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { eachOf } from '../support/each-of.js';
import { PATIENCE } from '../support/scenario-runner.js';
import { type RunningService, startService } from '../support/service.js';
import { createWorld, type World } from '../support/world.js';
import { anyChange, type Cast, castOf, createDice, type Dice, firstRows, NOON, readRows } from './history.js';
import { createOracle, type Rows } from './oracle.js';
import { type Asking, draw, type Surface, SURFACES, type Tally } from './surfaces.js';

const isWhole = process.env['VERIFY'] === '1';
/** Requests to each surface in all; a batch is many decisions. */
const REQUESTS: Record<Surface, number> = isWhole
  ? { check: 40_000, batch: 6_400, objects: 20_000, users: 20_000, permissions: 20_000, explain: 20_000, whatIf: 5_000 }
  : { check: 2_000, batch: 120, objects: 400, users: 400, permissions: 400, explain: 400, whatIf: 120 };
const DECISIONS = isWhole ? 1_000_000 : 20_000;
const STEPS = isWhole ? 1_000 : 40;
const STEPS_PER_GENERATION = 8;
const seed = Number(process.env['ORACLE_SEED'] ?? randomInt(2 ** 31));

let world: World;
let replicas: RunningService[];

beforeAll(async () => {
  world = await createWorld();
  // A write of the engine whose end is not known is waited for, and a token waits with it.
  const patient = { ...PATIENCE, syncWaitMs: 8_000 };
  replicas = [await startService(world, patient), await startService(world, patient)];
});
afterAll(async () => {
  for (const replica of replicas) await replica.stop();
  await world.end();
});

/**
 * Writes what can be written, in one transaction; says how many statements were refused. What is held at commit is held
 * after each statement here, so that one which would leave no admin does not take the others with it.
 */
async function write(statements: readonly string[]): Promise<number> {
  let refused = 0;
  await world.pool('bailiwick_operator').transaction(async (tx) => {
    for (const text of statements) {
      await tx.query({ text: 'savepoint before' });
      try {
        for (const step of ['set constraints all deferred', text, 'set constraints all immediate']) {
          await tx.query({ text: step });
        }
      } catch {
        refused += 1;
        await tx.query({ text: 'rollback to before' });
      }
    }
  });
  return refused;
}

/** The rows as they are now, a moment at the edge of some window, and the token of what was written. */
async function prepare(cast: Cast, dice: Dice): Promise<Asking> {
  const operator = world.pool('bailiwick_operator');
  const rows: Rows = await operator.transaction((tx) => readRows(tx));
  const [row] = await world.sql<{ token: string }>(`select sync.token(null) as token`);
  const at = new Date(NOON + (dice.below(9) - 4) * 60_000 + (dice.below(5) - 2));
  for (const replica of replicas) replica.setNow(at);
  return { rows, at, oracle: createOracle(rows, at.getTime() * 1_000), token: row?.token ?? '', cast, dice };
}

interface Total {
  readonly counts: Record<Surface, number>;
  readonly mismatches: string[];
  yes: number;
}

async function askAll(asking: Asking, total: Total): Promise<void> {
  for (const surface of SURFACES) {
    const questions = Array.from({ length: Math.ceil(REQUESTS[surface] / STEPS) }, () => draw(surface, asking));
    const tallies: Tally[] = await eachOf([...questions.entries()], async ([at, ask]) => {
      const replica = replicas[at % replicas.length];
      if (replica === undefined) throw new Error('there is no replica');
      return await ask(replica);
    });
    for (const { faults, answers, yes } of tallies) {
      total.mismatches.push(...faults.map((fault) => `${surface} at ${asking.at.toISOString()}: ${fault}`));
      total.counts[surface] += answers;
      total.yes += yes;
    }
  }
}

test(
  'every surface answers as the rows say',
  async () => {
    const dice = createDice(seed);
    const counts = { check: 0, batch: 0, objects: 0, users: 0, permissions: 0, explain: 0, whatIf: 0 };
    const total: Total = { counts, mismatches: [], yes: 0 };
    const startedAt = performance.now();
    let refused = 0;
    let cast = castOf(0);
    for (let step = 0; step < STEPS && total.mismatches.length === 0; step += 1) {
      if (step % STEPS_PER_GENERATION === 0) {
        cast = castOf(step / STEPS_PER_GENERATION);
        for (const tenant of cast.tenants) await world.addTenant(tenant, 'sales');
        refused += await write(firstRows(cast, dice));
      }
      refused += await write(Array.from({ length: 1 + dice.below(6) }, () => anyChange(cast, dice)));
      await askAll(await prepare(cast, dice), total);
    }
    const seconds = Math.round((performance.now() - startedAt) / 1_000);
    process.stdout.write(
      `oracle: seed ${String(seed)}, ${String(STEPS)} writes (${String(refused)} statements refused), answers ` +
        `${JSON.stringify(counts)} of which ${String(total.yes)} yes, ` +
        `${String(total.mismatches.length)} mismatches, ${String(seconds)} s\n`,
    );
    expect(total.mismatches, `ORACLE_SEED=${String(seed)}`).toEqual([]);
    expect(counts.check + counts.batch).toBeGreaterThanOrEqual(DECISIONS);
    // A world in which nothing is allowed would agree with anything.
    expect(total.yes).toBeGreaterThan(DECISIONS / 20);
  },
  isWhole ? 14_400_000 : 1_800_000,
);
