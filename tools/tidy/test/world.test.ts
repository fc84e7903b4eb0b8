import { describe, expect, it } from 'vitest';
import { format } from '../src/finding.js';
import { sketch } from '../src/house.js';
import { world } from '../src/rules/world.js';

const problems = (code: string, file = 'packages/raft/src/core/a.ts'): string[] =>
  world(sketch({ [file]: code })).map(format);

describe('world', () => {
  it.each([
    'const t = Date.now();',
    'const t = new Date();',
    'const clock = Date;',
    'const t = new Date;',
    'const t = +new (class extends Date {})(1);',
    'const t = new Holder(Date);',
    'class Clock extends Date {}',
    'const n = Math.random();',
    "const n = Math['random']();",
    'setTimeout(() => {}, 1);',
    'const later = { setTimeout };',
    'setInterval(f, 1);',
    'setImmediate(f);',
    'process.exit(1);',
    'function f(runtime = process) {}',
    'const { env } = process;',
    'const { now = Date.now } = options;',
    'performance.now();',
    'crypto.randomUUID();',
    "console.log('x');",
    "fetch('x');",
    'globalThis.process.exit();',
    "globalThis['setTimeout'](f);",
    'AbortSignal.timeout(5);',
    "import { readFileSync } from 'node:fs';",
    "import type { Socket } from 'node:net';",
    "import { isIP, connect } from 'node:net';",
    "import * as net from 'node:net';",
    "import fs from 'fs';",
    "await import('node:os');",
    "export { join } from 'node:path';",
    '{ const process = 1; } process.exit();',
    'function f(Date: Clock) {} Date.now();',
    'for (const process of list) {} process.exit();',
  ])('catches, in a core, %s', (code) => {
    expect(problems(`\n${code}`)).toEqual([
      expect.stringMatching(
        /^packages\/raft\/src\/core\/a\.ts:2 {2}\[only drivers and adapters touch the world\] .* in a core\. \S/,
      ),
    ]);
  });

  it.each([
    'const { setTimeout: later } = clock; later();',
    'clock.setTimeout(f); message.Date = 1; const record = { Date: 1, process: 2 };',
    'function f(process: Runner, { console }: Tools) { process.run(); console.use(); }',
    "import { fetch } from './fetch.js'; fetch(range);",
    'class A { Date = 1; process() { return this.Date; } get crypto() { return 1; } }',
    'interface I { Date: Date; process(date: Date): typeof performance }',
    'type T = { crypto: string }; const x: Date = y;',
    'for (const process of list) process.run();',
    'try {} catch (console) { console.x; }',
    'const f = (fetch: F) => () => { fetch(); };',
    'Math.floor(1); AbortSignal.abort(); globalThis.structuredClone(1);',
    'export { a as Date } from "./a.js";',
    "import { isIP } from 'node:net';",
    "// Date.now() and 'node:fs'\nconst text = 'Date.now() process';",
    'enum E { Date, process }',
    'const text = new Date(clock.now()).toISOString();',
    'function f(Math: Dice) { return Math.random(); }',
    "import { fetch as load } from './a.js'; export { Date as Day } from './b.js';",
  ])('lets through, in a core, %s', (code) => {
    expect(problems(code)).toEqual([]);
  });

  it.each([
    ['packages/raft/src/driver/driver.ts', false],
    ['packages/std/src/adapters/clock.ts', false],
    ['packages/raft/src/testing/network.ts', false],
    ['packages/raft/src/core/a.test.ts', false],
    ['packages/raft/test/a.ts', false],
    ['packages/raft/bench/a.ts', false],
    ['packages/raft/tsup.config.ts', false],
    ['tools/bench/src/main.ts', false],
    ['apps/server/src/main.ts', false],
    ['apps/server/src/http/server.ts', false],
    ['apps/server/src/config/file.ts', false],
    ['apps/server/src/config/flags.ts', true],
    ['apps/server/src/apply/kv.ts', true],
    ['apps/server/src/node/node.ts', true],
    ['apps/server/src/storage/data-dir.ts', true],
    ['apps/server/src/rpc/kv.ts', true],
    ['apps/server/src/node/main.ts', true],
    ['packages/sim/src/network.ts', true],
    ['packages/mvcc/src/store.ts', true],
    ['packages/mvcc/src/drivers.ts', true],
  ])('takes %s for a core: %s', (file, core) => {
    expect(problems('Date.now();', file)).toHaveLength(core ? 1 : 0);
  });
});
