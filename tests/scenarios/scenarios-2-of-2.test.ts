/** Every second scenario, on real rows and the real engine. */
import { describe, expect, test } from 'vitest';

import { scenarioFiles } from '../support/scenario-files.js';
import { runScenario } from '../support/scenario-runner.js';
import { parseScenario } from '../support/scenario.js';

describe('the scenario of', () => {
  test.each(scenarioFiles(1))('$file', async ({ text }) => {
    expect(await runScenario(parseScenario(text))).toEqual([]);
  });
});
