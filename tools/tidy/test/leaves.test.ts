import { describe, expect, it } from 'vitest';
import { format } from '../src/finding.js';
import { sketch } from '../src/house.js';
import { leaves } from '../src/rules/leaves.js';

const manifest = (name: string, ...dependencies: string[]): string =>
  JSON.stringify({ name, dependencies: Object.fromEntries(dependencies.map((each) => [each, '*'])) });

const base = {
  'package.json': JSON.stringify({ name: 'root', devDependencies: { vitest: '1' } }),
  'packages/std/package.json': manifest('@kontiki/std'),
  'packages/raft/package.json': manifest('@kontiki/raft', '@kontiki/std'),
  'packages/wal/package.json': manifest('@kontiki/wal', '@kontiki/std'),
  'packages/mvcc/package.json': manifest('@kontiki/mvcc', '@kontiki/std', 'abstract-level'),
  'packages/raft/src/uses.ts': "import '@kontiki/std';",
  'packages/wal/src/uses.ts': "import '@kontiki/std';",
  'packages/sim/src/uses.ts': "import '@kontiki/std';",
  'packages/mvcc/src/uses.ts': "import '@kontiki/std';",
  'packages/mvcc/src/adapters/uses.ts': "import type { AbstractLevel } from 'abstract-level';",
  'apps/server/src/server.ts': "import '@kontiki/raft'; import '@kontiki/wal'; import 'level';",
  'packages/sim/package.json': manifest('@kontiki/sim', '@kontiki/std'),
  'apps/server/package.json': manifest('kontiki', '@kontiki/raft', '@kontiki/wal', 'level'),
  'tools/bench/package.json': manifest('@kontiki-tools/bench', '@kontiki/raft', 'kontiki'),
  'examples/counter/package.json': manifest('@kontiki-examples/counter', '@kontiki/raft'),
};
const problems = (files: Record<string, string>): string[] => leaves(sketch({ ...base, ...files })).map(format);

describe('leaves', () => {
  it('lets through what the plan allows', () => {
    expect(
      problems({
        'packages/raft/src/a.ts': "import { assert } from '@kontiki/std'; import './b.js'; import 'node:fs';",
        'packages/raft/test/a.test.ts': "import '@kontiki/sim'; import 'vitest'; import '@kontiki/raft';",
        'packages/mvcc/src/adapters/level.ts': "import type { AbstractLevel } from 'abstract-level';",
        'tools/bench/src/main.ts': "import '@kontiki/raft'; import 'kontiki'; import 'vitest';",
        'examples/counter/src/main.ts': "import '@kontiki/raft';",
      }),
    ).toEqual([]);
  });

  it.each([
    ['an import', "import { Wal } from '@kontiki/wal';"],
    ['a type import', "import type { Wal } from '@kontiki/wal';"],
    ['a door deeper', "import '@kontiki/wal/testing';"],
    ['an export', "export { Wal } from '@kontiki/wal';"],
    ['a type in passing', "type W = import('@kontiki/wal').Wal;"],
    ['a late import', "const wal = await import('@kontiki/wal');"],
    ['a require', "const wal = require('@kontiki/wal');"],
  ])('catches one leaf that knows another: %s', (_, code) => {
    expect(problems({ 'packages/raft/src/a.ts': `\n${code}` })).toEqual([
      expect.stringMatching(
        /^packages\/raft\/src\/a\.ts:2 {2}\[.*\] packages\/raft may not import @kontiki\/wal.*apps\/server\.$/,
      ),
      expect.stringContaining('not declared'),
    ]);
  });

  it.each([
    ['packages/raft/test/a.test.ts', '@kontiki/wal', 'packages/raft may not import @kontiki/wal'],
    ['packages/raft/src/a.ts', '@kontiki/sim', 'packages/raft may not import @kontiki/sim'],
    ['packages/raft/src/a.ts', 'kontiki', 'packages/raft may not import kontiki'],
    ['packages/std/src/a.ts', '@kontiki/raft', 'packages/std may not import @kontiki/raft, only nothing of ours'],
    ['apps/server/src/a.ts', '@kontiki-tools/bench', 'apps/server may not import @kontiki-tools/bench'],
    ['examples/counter/src/a.ts', 'kontiki', 'examples/counter may not import kontiki'],
    ['packages/mvcc/src/store.ts', 'abstract-level', 'only in src/adapters/'],
    ['apps/server/src/node/node.ts', 'level', 'only in src/server.ts'],
    ['packages/raft/src/a.ts', 'lodash', 'lodash may enter packages/raft nowhere'],
    ['packages/raft/src/a.ts', '@scope/thing/deep', '@scope/thing may enter packages/raft nowhere'],
    ['packages/mvcc/src/adapters/a.ts', 'level', 'level is imported but not declared'],
    ['tools/bench/src/main.ts', 'lodash', 'lodash is imported but not declared'],
  ])('catches %s importing %s', (file, specifier, problem) => {
    expect(problems({ [file]: `import '${specifier}';` }).join('\n')).toContain(problem);
  });

  it('catches a package the plan does not know, and a dependency it does not allow', () => {
    expect(
      problems({
        'packages/cache/package.json': manifest('@kontiki/cache'),
        'packages/raft/package.json': manifest('@kontiki/raft', '@kontiki/std', '@kontiki/wal'),
      }),
    ).toEqual([
      expect.stringContaining('@kontiki/wal is declared but no source imports it'),
      expect.stringContaining('packages/raft may not import @kontiki/wal'),
      expect.stringContaining('packages/cache is not in the plan of the house'),
    ]);
  });
});
