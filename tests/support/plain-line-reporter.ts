import type { Reporter, TestModule } from 'vitest/node';

import { machineLine } from '../../scripts/machine.mjs';

/** Begins the run with what its figures are measured on, and ends it with the line that machines read: `N passed, N failed`. */
export default class PlainLineReporter implements Reporter {
  onTestRunStart(): void {
    process.stdout.write(`${machineLine()}\n`);
  }

  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly unknown[]): void {
    let passed = 0;
    let failed = unhandled.length;
    for (const module of modules) {
      const tests = [...module.children.allTests()];
      passed += tests.filter((test) => test.result().state === 'passed').length;
      const failedTests = tests.filter((test) => test.result().state === 'failed').length;
      // A file that breaks before its tests run has none to fail: it counts as one.
      failed += failedTests === 0 && !module.ok() ? 1 : failedTests;
    }
    process.stdout.write(`\n${String(passed)} passed, ${String(failed)} failed\n`);
  }
}
