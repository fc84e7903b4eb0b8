import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, it } from 'vitest';
import { SourcePlaces } from './source-places.js';

it('finds the written line through the source map beside the built file, else names the built one', () => {
  const folder = mkdtempSync(join(tmpdir(), 'kontiki-places-'));
  try {
    const built = join(folder, 'dist', 'a.js');
    const url = pathToFileURL(built).href;
    const places = (): SourcePlaces => new SourcePlaces();
    const frame = { functionName: 'f', url, lineNumber: 1, columnNumber: 0 };
    expect(places().placeOf(frame)).toEqual({ file: built, line: 2 });
    expect(places().placeOf({ ...frame, url: 'node:net' })).toEqual({ file: 'node:net', line: 2 });

    // The second built line comes from line 5 (from 0: 4) of ../src/a.ts.
    const map = { version: 3, file: 'a.js', sources: ['../src/a.ts'], names: [], mappings: ';AAIA' };
    mkdirSync(join(folder, 'dist'));
    writeFileSync(`${built}.map`, JSON.stringify(map));
    expect(places().placeOf(frame)).toEqual({ file: join(folder, 'src', 'a.ts'), line: 5 });
  } finally {
    rmSync(folder, { recursive: true });
  }
});
