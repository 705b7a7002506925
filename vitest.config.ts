import { defineConfig } from 'vitest/config';

/** Files of one worker share what they import: half of the time of such a small file goes into loading it anew. */
const shared = { isolate: false };

/** Tests that need the real Postgres and the real OpenFGA share one stack, started once for all of them. */
const withStack = {
  ...shared,
  globalSetup: ['tests/support/global-stack.ts'],
  testTimeout: 60_000,
  hookTimeout: 60_000,
};

export default defineConfig({
  test: {
    reporters: ['default', './tests/support/plain-line-reporter.ts'],
    // Two cores are shared by the tests, the engine and the database.
    maxWorkers: 2,
    projects: [
      { test: { name: 'unit', include: ['tests/unit/**/*.test.ts'], ...shared } },
      { test: { name: 'tidy', include: ['tests/tidy/**/*.test.ts'], testTimeout: 30_000 } },
      { test: { name: 'contract', include: ['tests/contract/**/*.test.ts'], testTimeout: 30_000, ...shared } },
      // The same promises, with `check` answered ahead of Express.
      {
        test: {
          name: 'short-road',
          include: ['tests/contract/**/*.test.ts'],
          // About the listener and the validator, which are the same below both.
          exclude: ['tests/contract/{server,slow-clients,validation-time}.test.ts'],
          testTimeout: 30_000,
          env: { SHORT_ROAD: '1' },
          ...shared,
        },
      },
      { test: { name: 'integration', include: ['tests/integration/**/*.test.ts'], ...withStack } },
      {
        test: {
          name: 'console',
          include: ['tests/console/**/*.test.ts'],
          globalSetup: ['tests/support/global-stack.ts'],
          testTimeout: 240_000,
          hookTimeout: 120_000,
        },
      },
      { test: { name: 'oracle', include: ['tests/oracle/**/*.test.ts'], ...withStack } },
      { test: { name: 'scenarios', include: ['tests/scenarios/**/*.test.ts'], ...withStack } },
    ],
  },
});
