import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { runScenario } from '../src/testing/scenario.js';

const folder = new URL('./scenarios/', import.meta.url);

describe('scenarios: every answer is the one in the file (rewritten by `vitest -u`)', () => {
  it.each(readdirSync(folder))('%s', async (file) => {
    const path = new URL(file, folder);
    await expect(runScenario(readFileSync(path, 'utf8'))).toMatchFileSnapshot(path.pathname);
  });
});
