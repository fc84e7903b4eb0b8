import { defineConfig } from 'vitest/config';

/** Packages resolve to each other's sources, so a test never runs against a stale build. */
const conditions = ['@kontiki/source', 'node'];
const shared = {
  resolve: { conditions },
  // No `import` among them: Node would apply it to `require` too and hand modules of the wrong kind to CommonJS.
  ssr: { resolve: { conditions, externalConditions: conditions } },
} as const;

export default defineConfig({
  test: {
    reporters: ['default', './tools/reporter/src/reporter.ts'],
    projects: [
      {
        ...shared,
        test: {
          name: 'unit',
          include: ['{packages,apps,tools}/*/src/**/*.test.ts'],
          testTimeout: 60_000,
        },
      },
      {
        ...shared,
        test: {
          name: 'property',
          include: ['{packages,apps,tools,examples}/*/test/**/*.test.ts'],
          exclude: ['**/test/{e2e,compat}/**', '**/node_modules/**'],
          testTimeout: 300_000,
        },
      },
      {
        ...shared,
        test: {
          // Real processes: the built server, the real etcd where there is one.
          name: 'e2e',
          include: ['{apps,tools}/*/test/{e2e,compat}/**/*.test.ts'],
          testTimeout: 600_000,
          hookTimeout: 60_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
