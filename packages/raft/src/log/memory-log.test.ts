import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Entry, entryBytes } from '../types.js';
import { MemoryLog } from './memory-log.js';

const entry = (index: number, term: number, size = 0): Entry => ({
  index,
  term,
  kind: 'normal',
  data: new Uint8Array(size),
});

describe('the durable log in memory', () => {
  it('answers like a plain array', () =>
    fc.assert(
      fc.property(
        fc.array(
          fc.oneof(
            fc.record({ append: fc.nat(5), back: fc.nat(4), size: fc.nat(9) }),
            fc.record({ compact: fc.nat(20), keep: fc.nat(5) }),
            fc.record({ reset: fc.integer({ min: 1, max: 5 }) }),
          ),
        ),
        (commands) => {
          const log = new MemoryLog();
          let base = { index: 0, term: 0 };
          let list: Entry[] = [];
          let term = 1;
          for (const command of commands) {
            const last = base.index + list.length;
            if ('append' in command) {
              term++;
              const start = Math.max(base.index + 1, last + 1 - command.back);
              const entries = Array.from({ length: command.append }, (_, i) => entry(start + i, term, command.size));
              log.append(entries);
              if (entries.length > 0) list = [...list.slice(0, start - 1 - base.index), ...entries];
            } else if ('compact' in command) {
              const index = Math.min(last, base.index + command.compact);
              log.compact(index, command.keep);
              const to = Math.max(base.index, index - command.keep);
              const gone = to - base.index;
              if (gone > 0) base = { index: to, term: list[gone - 1]!.term };
              list = list.slice(gone);
            } else {
              base = { index: last + command.reset, term: ++term };
              log.reset(base);
              list = [];
            }
            expect([log.first, log.last]).toEqual([base.index + 1, base.index + list.length]);
            expect(log.bytes).toBe(list.reduce((sum, each) => sum + entryBytes(each), 0));
            expect(log.entries(log.first, log.last + 1, Number.MAX_SAFE_INTEGER)).toEqual(list);
            expect(log.term(base.index)).toBe(base.term);
            expect(log.term(base.index - 1)).toBeUndefined();
            expect(log.term(log.last + 1)).toBeUndefined();
            for (const each of list) expect(log.term(each.index)).toBe(each.term);
          }
        },
      ),
    ));

  it('cuts an answer off before the limit is exceeded, but never before the first entry', () => {
    const log = new MemoryLog(undefined, [entry(1, 1, 100), entry(2, 1, 100), entry(3, 1, 100)]);
    const sizes = (maxBytes: number): number => log.entries(1, 4, maxBytes).length;
    expect([0, 123, 124, 247, 248, 371, 372].map(sizes)).toEqual([1, 1, 1, 1, 2, 2, 3]);
  });

  it('keeps entries behind a compaction by number and by bytes', () => {
    const filled = (): MemoryLog =>
      new MemoryLog(
        undefined,
        [1, 2, 3, 4, 5].map((index) => entry(index, 1, 10)),
      );
    const first = (keepEntries: number, keepBytes: number): number => {
      const log = filled();
      log.compact(4, keepEntries, keepBytes);
      return log.first;
    };
    expect(first(0, 1000)).toBe(5);
    expect(first(2, 1000)).toBe(3);
    expect(first(100, 1000)).toBe(1);
    expect(first(100, 3 * 34)).toBe(2);
    expect(first(100, 33)).toBe(5);
  });

  it('refuses gaps and falling terms', () => {
    const log = new MemoryLog(undefined, [entry(1, 2)]);
    expect(() => log.append([entry(3, 2)])).toThrow('gap');
    expect(() => log.append([entry(2, 1)])).toThrow('term falls');
    expect(() => log.append([entry(2, 2), entry(4, 2)])).toThrow('does not follow');
    expect(() => log.compact(9)).toThrow('cannot compact');
  });
});
