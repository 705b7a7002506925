/** Every scenario, on real rows and the real engine. */
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';

import { runScenario } from '../support/scenario-runner.js';
import { parseScenario } from '../support/scenario.js';

const FOLDER = new URL('../../scenarios/', import.meta.url);
const scenarios = readdirSync(FOLDER)
  .filter((file) => file.endsWith('.yaml'))
  .map((file) => ({ file, text: readFileSync(new URL(file, FOLDER), 'utf8') }));

describe('the scenario of', () => {
  test.each(scenarios)('$file', async ({ text }) => {
    expect(await runScenario(parseScenario(text))).toEqual([]);
  });
});
