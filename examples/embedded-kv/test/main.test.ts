import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { run } from '../src/main.js';

it('embeds a store, and finds it again', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'embedded-kv-'));
  try {
    const lines: string[] = [];
    await run(folder, (line) => lines.push(line));
    expect(lines).toEqual([
      'swapped: true',
      'now: settings/colour=blue settings/size=small',
      'then: settings/colour=green',
      'put settings/colour at 2',
      'put settings/size at 3',
      'put settings/colour at 4',
      'delete settings/size at 5',
      'kept from revision 5',
    ]);
    // The second run finds the first one's history behind it.
    lines.length = 0;
    await run(folder, (line) => lines.push(line));
    expect(lines.at(-1)).toBe('kept from revision 9');
  } finally {
    rmSync(folder, { recursive: true });
  }
});
