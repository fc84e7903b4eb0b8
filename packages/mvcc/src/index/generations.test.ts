import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { appendOlder, codeOf, compactLives, isTombstoneCode, newestOlder, type Older, subOf } from './generations.js';

interface Version {
  readonly main: number;
  readonly sub: number;
  readonly tombstone: boolean;
}

/** Versions as a store makes them: revisions rise, a tombstone only follows a put. */
const histories = fc
  .array(fc.record({ step: fc.integer({ min: 0, max: 2 }), tombstone: fc.boolean() }), {
    minLength: 1,
    maxLength: 30,
    size: 'max',
  })
  .map((steps) => {
    const versions: Version[] = [];
    let main = 2;
    let sub = 0;
    for (const { step, tombstone } of steps) {
      if (step > 0) sub = 0;
      main += step;
      const before = versions.at(-1);
      if (tombstone && (before === undefined || before.tombstone)) continue;
      versions.push({ main, sub: sub++, tombstone });
    }
    return versions;
  })
  .filter((versions) => versions.length > 0);

const packed = (versions: readonly Version[]): Older | undefined =>
  versions.reduce<Older | undefined>((older, v) => appendOlder(older, v.main, codeOf(v.sub, v.tombstone)), undefined);

const unpacked = (older: Older | undefined): Version[] => {
  const versions: Version[] = [];
  for (let at = 0; older !== undefined && at < older.length; at += 2) {
    versions.push({ main: older[at]!, sub: subOf(older[at + 1]!), tombstone: isTombstoneCode(older[at + 1]!) });
  }
  return versions;
};

describe('lives of a key', () => {
  it('keep what is appended', () =>
    fc.assert(
      fc.property(histories, (versions) => {
        expect(unpacked(packed(versions))).toEqual(versions);
      }),
    ));

  it('keep subs of any size', () => {
    for (const sub of [0, 1, 2 ** 31, 2 ** 32 + 1, 2 ** 51]) {
      for (const tombstone of [true, false]) {
        expect(subOf(codeOf(sub, tombstone))).toBe(sub);
        expect(isTombstoneCode(codeOf(sub, tombstone))).toBe(tombstone);
      }
    }
  });

  it('find the newest version at or below a revision', () =>
    fc.assert(
      fc.property(histories, fc.integer({ min: 0, max: 40 }), (versions, revision) => {
        const older = packed(versions)!;
        const at = newestOlder(older, revision);
        expect(unpacked(older)[at / 2]).toEqual(versions.findLast(({ main }) => main <= revision));
        if (at < 0) expect(versions[0]!.main).toBeGreaterThan(revision);
      }),
    ));

  it('are compacted as the rule says', () =>
    fc.assert(
      fc.property(histories, fc.integer({ min: 0, max: 40 }), (versions, revision) => {
        const head = versions.at(-1)!;
        const older = packed(versions.slice(0, -1));
        const dropped: Version[] = [];
        const left = compactLives(head.main, codeOf(head.sub, head.tombstone), older, revision, (main, code) => {
          dropped.push({ main, sub: subOf(code), tombstone: isTombstoneCode(code) });
        });
        const kept = [...unpacked(left.older), ...(left.gone ? [] : [head])];
        expect(kept).toEqual(
          versions.filter((version, at) => {
            if (version.main > revision) return true;
            if (version.tombstone) return version.main === revision;
            return versions.findLastIndex(({ main }) => main <= revision) === at;
          }),
        );
        const key = (version: Version): string => JSON.stringify(version);
        expect([...kept, ...dropped].map(key).toSorted()).toEqual(versions.map(key).toSorted());
      }),
      { numRuns: 500 },
    ));

  it('are left alone, the very array, when nothing goes', () => {
    const older = [5, codeOf(0, false), 7, codeOf(0, false)];
    const never = (): never => expect.unreachable();
    expect(compactLives(9, codeOf(0, false), older, 5, never).older).toBe(older);
    expect(compactLives(9, codeOf(0, false), older, 4, never).older).toBe(older);
    expect(compactLives(9, codeOf(0, false), undefined, 20, never)).toEqual({ older: undefined, gone: false });
  });

  it('do not take room for versions that may never come, while there are few', () => {
    let older: Older | undefined;
    for (let main = 1; main <= 8; main++) {
      const before = older;
      older = appendOlder(older, main, 0);
      expect(older).not.toBe(before);
    }
    expect(appendOlder(older, 9, 0)).toBe(older);
  });
});
