import type { Options } from 'tsup';

/** The one JavaScript build: ESM for Node 20 with source maps. Declarations come from `tsc`, file by file. */
export function preset(...entry: string[]): Options {
  return {
    entry,
    format: ['esm'],
    target: 'node20.19',
    platform: 'node',
    sourcemap: true,
    clean: false,
    dts: false,
    splitting: true,
    treeshake: true,
    skipNodeModulesBundle: true,
  };
}
