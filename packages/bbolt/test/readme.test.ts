import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as bbolt from '@kontiki/bbolt';
import * as stdNode from '@kontiki/std/node';
import ts from 'typescript';
import { afterAll, expect, it } from 'vitest';

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
const directory = mkdtempSync(join(tmpdir(), 'bbolt-readme-'));

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
  const run = new AsyncFunction('modules', 'path', `${body}\nreturn texts;`);
  const modules = { '@kontiki/std/node': stdNode, '@kontiki/bbolt': bbolt };
  expect(await run(modules, join(directory, 'db'))).toEqual(['apple: red']);
});

it('names every error code', () => {
  const codes: Record<bbolt.BboltErrorCode, true> = {
    BBOLT_INVALID: true,
    BBOLT_TRUNCATED: true,
    BBOLT_CORRUPT: true,
    BBOLT_NO_BUCKET: true,
    BBOLT_ORDER: true,
    BBOLT_RECORD: true,
    BBOLT_OPTION: true,
    BBOLT_CLOSED: true,
  };
  const documented = [...readme.matchAll(/^- `(BBOLT_\w+)`:/gm)].map(([, code]) => code);
  expect(documented.sort()).toEqual(Object.keys(codes).sort());
});
