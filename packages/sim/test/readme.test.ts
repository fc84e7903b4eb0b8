import { readFileSync } from 'node:fs';
import * as sim from '@kontiki/sim';
import ts from 'typescript';
import { expect, it } from 'vitest';

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');

async function quickStart(): Promise<{ found: string; hash: string }> {
  const printed = /```ts\n([\s\S]*?)```/.exec(readme)?.[1];
  expect(printed).toBeDefined();
  // Types off, and what is imported handed in: nothing else of it is changed.
  const { outputText } = ts.transpileModule(printed!, {
    compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext },
  });
  const body = outputText.replace(/^import (\{.*\}) from '(.*)';$/gm, "const $1 = modules['$2'];");
  const AsyncFunction = (async () => {}).constructor as new (
    ...code: string[]
  ) => (...values: unknown[]) => Promise<{ found: string; hash: string }>;
  return new AsyncFunction('modules', `${body}\nreturn { found, hash };`)({ '@kontiki/sim': sim });
}

it('quick start runs as it is printed, the same way every time', async () => {
  const first = await quickStart();
  expect(first.found).toBe('hello');
  expect(await quickStart()).toEqual(first);
});

it('names everything the door gives', () => {
  const values = Object.keys(sim).filter((name) => /^[A-Z]/.test(name));
  for (const name of values.filter((each) => !['GOOD_LINK', 'Life', 'Timeline'].includes(each))) {
    expect(readme).toContain(`\`${name}\``);
  }
});
