import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ChangingFile } from './changing-file.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'kontiki-changing-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

describe('a changing file', () => {
  it('has a content at once and gets others, in place', async () => {
    let made = 0;
    const file = new ChangingFile(join(folder, 'body'), () => Buffer.from(String(made++).padStart(8, '0')), true);
    expect(readFileSync(file.path, 'latin1')).toBe('00000000');
    while (file.changes < 3) await new Promise((resolve) => setTimeout(resolve, 1));
    expect(readFileSync(file.path, 'latin1')).toBe(String(made - 1).padStart(8, '0'));
    file.close();
    const { changes } = file;
    await new Promise((resolve) => setTimeout(resolve, 10));
    expect(file.changes).toBe(changes);
  });

  it('is written once when its content never varies', async () => {
    const file = new ChangingFile(join(folder, 'body'), () => Uint8Array.of(65), false);
    await new Promise((resolve) => setTimeout(resolve, 10));
    expect([file.changes, readFileSync(file.path, 'latin1')]).toEqual([0, 'A']);
    file.close();
  });
});
