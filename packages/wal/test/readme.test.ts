import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as stdNode from '@kontiki/std/node';
import * as wal from '@kontiki/wal';
import ts from 'typescript';
import { afterAll, expect, it } from 'vitest';

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
const directory = mkdtempSync(join(tmpdir(), 'wal-readme-'));

afterAll(() => rmSync(directory, { recursive: true, force: true }));

it('quick start runs as it is printed, on the real disk', async () => {
  const printed = /```ts\n([\s\S]*?)```/.exec(readme)?.[1];
  expect(printed).toBeDefined();
  // Types off, and what is imported handed in: nothing else of it is changed.
  const { outputText } = ts.transpileModule(printed!, {
    compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext },
  });
  const body = outputText.replace(/^import (\{.*\}) from '(.*)';$/gm, "const $1 = modules['$2'];");
  const AsyncFunction = (async () => {}).constructor as new (
    ...code: string[]
  ) => (...values: unknown[]) => Promise<unknown>;
  const run = new AsyncFunction('modules', 'directory', `${body}\nreturn texts;`);
  const modules = { '@kontiki/std/node': stdNode, '@kontiki/wal': wal };
  expect(await run(modules, join(directory, 'log'))).toEqual(['one', 'two', 'three']);
});

it('names every error code', () => {
  const codes: Record<wal.WalErrorCode, true> = {
    WAL_CORRUPT: true,
    WAL_MISSING: true,
    WAL_EXISTS: true,
    WAL_NO_SPACE: true,
    WAL_POISONED: true,
    WAL_CLOSED: true,
  };
  const documented = [...readme.matchAll(/^- `(WAL_\w+)`:/gm)].map(([, code]) => code);
  expect(documented.sort()).toEqual(Object.keys(codes).sort());
});
