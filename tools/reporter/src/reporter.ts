import type { Reporter, TestModule } from 'vitest/node';

/** Vitest reporter: names the slowest files and ends with the one line `N passed, N failed`. */
export default class ClosingLine implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly unknown[]): void {
    const count = { passed: 0, failed: unhandled.length, skipped: 0 };
    for (const module of modules) {
      // A file that does not even load has no tests to count: it is one failure.
      if (module.errors().length > 0) count.failed += 1;
      // Nor do tests run where a hook before or after them failed.
      for (const suite of module.children.allSuites()) if (suite.errors().length > 0) count.failed += 1;
      for (const test of module.children.allTests()) {
        const state = test.result().state;
        if (state === 'passed') count.passed += 1;
        else if (state === 'failed') count.failed += 1;
        else count.skipped += 1;
      }
    }
    const slowest = modules
      .map((module) => ({ id: module.relativeModuleId, ms: module.diagnostic().duration }))
      .sort((a, b) => b.ms - a.ms)
      .slice(0, 5);
    console.log(`\nslowest: ${slowest.map(({ id, ms }) => `${id} ${(ms / 1000).toFixed(1)}s`).join(', ')}`);
    const skipped = count.skipped > 0 ? `, ${count.skipped} skipped` : '';
    console.log(`${count.passed} passed, ${count.failed} failed${skipped}`);
  }
}
