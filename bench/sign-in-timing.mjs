/**
 * Whether the time of a refused sign-in tells why: an unknown user, a wrong password, a locked account and a disabled
 * user, 300 samples each over 300 accounts, interleaved, in three runs. Aim: medians within 5 %, Cliff's delta within 0.2.
 */
import { startBench } from './support.mjs';
import { addPeople, clearFailures, cliffsDelta, lock, median, PASSWORD, signIn } from './sign-in-support.mjs';

const SAMPLES = 300;
const RUNS = 3;
const CLASSES = /** @type {const} */ (['unknown user', 'wrong password', 'locked', 'disabled']);

export async function run() {
  const bench = await startBench();
  try {
    await bench.addTenant('t', 'rcm');
    await addPeople(bench, { tenant: 't', prefix: 'wrong-', count: SAMPLES });
    await addPeople(bench, { tenant: 't', prefix: 'locked-', count: SAMPLES });
    await addPeople(bench, { tenant: 't', prefix: 'disabled-', count: SAMPLES, status: 'disabled' });
    console.log(
      `time of a refused sign-in, ${String(SAMPLES)} samples a class (aim: |difference| ≤ 5 %, |delta| ≤ 0.2)`,
    );
    for (let runs = 1; runs <= RUNS; runs += 1) await sampleOnce(bench, runs);
  } finally {
    await bench.end();
  }
}

/** @param {Awaited<ReturnType<typeof startBench>>} bench @param {number} runs */
async function sampleOnce(bench, runs) {
  await clearFailures(bench);
  await lock(bench, 'locked-');
  /** @type {Record<(typeof CLASSES)[number], number[]>} */
  const ms = { 'unknown user': [], 'wrong password': [], locked: [], disabled: [] };
  const expected = { 'unknown user': 401, 'wrong password': 401, locked: 429, disabled: 401 };
  const tries = {
    'unknown user': (/** @type {number} */ n) => ({ email: `nobody-${String(n)}@example.com`, password: PASSWORD }),
    'wrong password': (/** @type {number} */ n) => ({
      email: `wrong-${String(n)}@example.com`,
      password: `${PASSWORD}!`,
    }),
    locked: (/** @type {number} */ n) => ({ email: `locked-${String(n)}@example.com`, password: PASSWORD }),
    disabled: (/** @type {number} */ n) => ({ email: `disabled-${String(n)}@example.com`, password: PASSWORD }),
  };
  for (let warm = 0; warm < 10; warm += 1) {
    await signIn(bench.base, { tenant: 't', email: `warm-${String(warm)}@example.com`, password: 'x' });
  }
  for (let n = 1; n <= SAMPLES; n += 1) {
    // In another order each time, so that no class always follows the same one.
    const order = [...CLASSES].sort(() => Math.random() - 0.5);
    for (const name of order) {
      const { status, ms: took } = await signIn(bench.base, { tenant: 't', ...tries[name](n) });
      if (status !== expected[name]) throw new Error(`${name}: answered ${String(status)}`);
      ms[name].push(took);
    }
  }
  for (const name of CLASSES.slice(1)) {
    const difference = (median(ms[name]) - median(ms['unknown user'])) / median(ms['unknown user']);
    const delta = cliffsDelta(ms[name], ms['unknown user']);
    console.log(
      `  run ${String(runs)}: ${name.padEnd(15)} median ${median(ms[name]).toFixed(1)} ms ` +
        `(unknown user ${median(ms['unknown user']).toFixed(1)} ms): |difference| ${(Math.abs(difference) * 100).toFixed(2)} %, ` +
        `Cliff's delta ${delta.toFixed(3)}`,
    );
  }
}
