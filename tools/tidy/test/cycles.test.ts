import { describe, expect, it } from 'vitest';
import { format } from '../src/finding.js';
import { sketch } from '../src/house.js';
import { cycles } from '../src/rules/cycles.js';

const problems = (files: Record<string, string>): string[] => cycles(sketch(files)).map(format);

describe('cycles', () => {
  it('lets files read in dependency order', () => {
    expect(
      problems({
        'packages/x/src/a.ts': "import './b.js'; import './c.js'; import './nowhere.js';",
        'packages/x/src/b.ts': "import type { C } from './c.js';",
        'packages/x/src/c.ts': "import 'node:fs';",
      }),
    ).toEqual([]);
  });

  it('catches a detour through type imports and folders, and shows it', () => {
    expect(
      problems({
        'packages/x/src/a.ts': "import { b } from './deep/b.js';",
        'packages/x/src/deep/b.ts': "\nexport { c } from '../c.js';",
        'packages/x/src/c.ts': "\n\nimport type { A } from './a.js';",
      }),
    ).toEqual([
      'packages/x/src/c.ts:3  [no cycles] these import each other: src/a.ts → src/deep/b.ts → src/c.ts → src/a.ts. ' +
        'Move what both need into a file above them, or hand it in as an argument.',
    ]);
  });

  it('catches a file that imports itself, and cycles away from where it started to look', () => {
    expect(problems({ 'packages/x/src/a.ts': "import './a.js';" })).toHaveLength(1);
    expect(
      problems({
        'packages/x/src/a.ts': "import './b.js';",
        'packages/x/src/b.ts': "import './c.js';",
        'packages/x/src/c.ts': "type B = import('./b.js').B;",
        'packages/y/src/a.ts': "await import('./b.js');",
        'packages/y/src/b.ts': "import './a.js';",
      }),
    ).toEqual([expect.stringContaining('src/b.ts → src/c.ts → src/b.ts'), expect.stringContaining('packages/y')]);
  });
});
