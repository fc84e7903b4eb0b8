import { describe, expect, it } from 'vitest';
import { format } from '../src/finding.js';
import { sketch } from '../src/house.js';
import { doors } from '../src/rules/doors.js';

const entry = (stem: string): object => ({
  '@kontiki/source': `./src/${stem}.ts`,
  types: `./dist/${stem}.d.ts`,
  default: `./dist/${stem}.js`,
});
const manifest = (exports: object): string => JSON.stringify({ name: '@kontiki/x', exports });
const index = '/** @packageDocumentation */\n';
const base = {
  'packages/x/package.json': manifest({ '.': entry('index') }),
  'packages/x/src/index.ts': `${index}export { a } from './a.js';`,
  'packages/x/tsup.config.ts': "export default preset('src/index.ts');",
  'packages/y/package.json': JSON.stringify({ name: '@kontiki/y' }),
  'tools/t/package.json': JSON.stringify({ name: '@kontiki-tools/t' }),
};
const problems = (files: Record<string, string>): string[] => doors(sketch({ ...base, ...files })).map(format);

describe('doors', () => {
  it('lets named exports, namespaces, doors and neighbours through', () => {
    expect(
      problems({
        'packages/x/src/index.ts': `${index}export * as rpc from './gen/rpc.js'; export type { B } from './b.js';`,
        'packages/x/src/inner.ts': "export * from './index.js';",
        'packages/y/src/a.ts': "import '@kontiki/x'; import '../test/b.js'; import '@kontiki/xylophone';",
        'packages/y/test/b.ts': "import '../../../tools/t/src/index.js'; import '../../../vitest.config.js';",
        'tools/u/package.json': JSON.stringify({ name: 'u' }),
        'tools/u/src/a.ts': "import '../../t/src/index.js';",
      }),
    ).toEqual([]);
  });

  it.each([
    ["export * from './a.js';", 'says "export *"'],
    ["export type * from './a.js';", 'says "export *"'],
  ])('catches a door that names nothing: %s', (code, problem) => {
    expect(problems({ 'packages/x/src/index.ts': `${index}${code}` })).toEqual([
      expect.stringMatching(/^packages\/x\/src\/index\.ts:2 {2}\[one door per package\]/),
    ]);
    expect(problems({ 'packages/x/src/index.ts': `${index}${code}` })[0]).toContain(problem);
  });

  it('catches a door without a word of introduction', () => {
    expect(problems({ 'packages/x/src/index.ts': '' })).toEqual([expect.stringContaining('no @packageDocumentation')]);
  });

  it.each([
    [{ '.': entry('gone') }, 'leads to ./src/gone.ts, which is not there'],
    [{ '.': { types: './dist/index.d.ts', default: './dist/index.js' } }, 'has no "@kontiki/source"'],
    [{ '.': { ...entry('index'), types: './dist/main.d.ts' } }, 'does not lead to what is built'],
    [{ '.': { ...entry('index'), default: './src/index.ts' } }, 'does not lead to what is built'],
    [
      { '.': { default: './dist/index.js', '@kontiki/source': './src/index.ts', types: './dist/index.d.ts' } },
      'lists default, @kontiki/source, types',
    ],
    [{ '.': entry('index'), './two': entry('two') }, 'tsup.config.ts does not build'],
  ])('catches doors that lead nowhere: %j', (exports, problem) => {
    const files = { 'packages/x/package.json': manifest(exports), 'packages/x/src/two.ts': index };
    expect(problems(files).join('\n')).toContain(problem);
  });

  it.each([
    ["import '@kontiki/x/src/a.js';", 'is no door of packages/x. Its doors are @kontiki/x.'],
    ["import type { A } from '@kontiki/x/testing';", 'is no door of packages/x'],
    ["import '@kontiki/y';", 'is no door of packages/y. It has no doors.'],
    ["import '../../x/src/index.js';", 'reaches into packages/x. Import @kontiki/x'],
    ["import '../../../tools/t/src/index.js';", 'reaches into tools/t'],
    ["import '../../../tools/t/src/a.js';", 'reaches into tools/t'],
  ])('catches a way through the wall: %s', (code, problem) => {
    expect(problems({ 'packages/z/src/a.ts': code }).join('\n')).toContain(problem);
  });

  it('catches tests that take more of a tool than its door', () => {
    expect(problems({ 'packages/z/test/a.test.ts': "import '../../../tools/t/src/a.js';" })).toHaveLength(1);
  });
});
