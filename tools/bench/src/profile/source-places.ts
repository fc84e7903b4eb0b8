import { existsSync, readFileSync } from 'node:fs';
import { SourceMap } from 'node:module';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { CallFrame } from './cpu-profile.js';

/** Where a function was written: through source maps where there are any. */
export interface Place {
  /** An absolute path, or `node:…`. */
  readonly file: string;
  /** From 1. */
  readonly line: number;
}

/** Finds the written source of built code. */
export class SourcePlaces {
  readonly #maps = new Map<string, SourceMap | undefined>();

  /** @param frame one with a url */
  placeOf({ url, lineNumber, columnNumber }: CallFrame): Place {
    const file = url.startsWith('file:') ? fileURLToPath(url) : url;
    const map = this.#mapOf(file);
    const entry = map?.findEntry(lineNumber, columnNumber);
    if (entry === undefined || !('originalSource' in entry)) return { file, line: lineNumber + 1 };
    return { file: resolve(dirname(file), entry.originalSource), line: entry.originalLine + 1 };
  }

  #mapOf(file: string): SourceMap | undefined {
    if (!this.#maps.has(file)) {
      const path = `${file}.map`;
      this.#maps.set(file, existsSync(path) ? new SourceMap(JSON.parse(readFileSync(path, 'utf8'))) : undefined);
    }
    return this.#maps.get(file);
  }
}
