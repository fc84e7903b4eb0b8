import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { all, between, contains, from, single } from '../range.js';
import type { KeyRange } from '../types.js';
import { type Hits, KeyIndex, type Undo } from './key-index.js';

interface Version {
  readonly key: string;
  readonly main: number;
  readonly sub: number;
  readonly tombstone: boolean;
}

/** The list of all changes, and every question answered by going through it. */
class Twin {
  changes: Version[] = [];

  at(key: string, revision: number): Version | undefined {
    const newest = this.changes.findLast((change) => change.key === key && change.main <= revision);
    return newest?.tombstone === false ? newest : undefined;
  }

  shown(range: KeyRange, revision: number): Version[] {
    const keys = [...new Set(this.changes.map(({ key }) => key))].filter((key) => contains(range, key)).toSorted();
    return keys.map((key) => this.at(key, revision)).filter((version) => version !== undefined);
  }

  /** createRevision and version of the key's present life. */
  life(key: string): { createRevision: number; version: number } {
    const own = this.changes.filter((change) => change.key === key);
    const life = own.slice(own.findLastIndex(({ tombstone }) => tombstone) + 1);
    return { createRevision: life[0]!.main, version: life.length };
  }
}

const name = (n: number): string => `k${String(n).padStart(3, '0')}`;
const MANY = 400;

const ranges: fc.Arbitrary<KeyRange> = fc.oneof(
  fc.constant(all()),
  fc.nat(MANY).map((n) => single(name(n))),
  fc.nat(MANY).map((n) => from(name(n))),
  fc.tuple(fc.nat(MANY), fc.nat(MANY)).map(([a, b]) => between(name(a), name(b))),
);

/** Some keys, each changed now and then: changes of one request share the main revision. */
const histories = fc.array(fc.record({ key: fc.nat(MANY), dead: fc.nat(3), next: fc.boolean() }), {
  maxLength: 600,
  size: 'max',
});

function build(list: readonly { key: number; dead: number; next: boolean }[]): {
  index: KeyIndex;
  twin: Twin;
  undos: Undo[];
} {
  const index = new KeyIndex();
  const twin = new Twin();
  const undos: Undo[] = [];
  let main = 2;
  let sub = 0;
  for (const step of list) {
    if (step.next) {
      main++;
      sub = 0;
    }
    const key = name(step.key);
    const tombstone = step.dead === 0 && twin.at(key, main) !== undefined;
    twin.changes.push({ key, main, sub, tombstone });
    if (tombstone) undos.push(index.tombstone(key, main, sub));
    else {
      const put = index.put(key, main, sub);
      undos.push(put.undo);
      expect({ createRevision: put.createRevision, version: put.version }).toEqual(twin.life(key));
    }
    sub++;
  }
  return { index, twin, undos };
}

const bare = (versions: readonly Version[]): Hits => ({
  mains: versions.map(({ main }) => main),
  subs: versions.map(({ sub }) => sub),
});

function agree(index: KeyIndex, twin: Twin, range: KeyRange, revision: number, limit: number): void {
  const shown = twin.shown(range, revision);
  expect(index.count(range, revision)).toBe(shown.length);
  for (const backwards of [false, true]) {
    const hits: Hits = { mains: [], subs: [] };
    index.collect(range, revision, limit, backwards, hits);
    expect(hits).toEqual(bare((backwards ? shown.toReversed() : shown).slice(0, limit)));

    const inSteps: Hits = { mains: [], subs: [] };
    let rest: KeyRange | null = range;
    while (rest !== null) rest = index.collectStep(rest, revision, limit, backwards, inSteps, 30);
    expect(inSteps).toEqual(hits);
  }
  let counted = 0;
  let rest: KeyRange | null = range;
  while (rest !== null) {
    const step: { count: number; rest: KeyRange | null } = index.countStep(rest, revision, 30);
    counted += step.count;
    rest = step.rest;
  }
  expect(counted).toBe(shown.length);
}

describe('a KeyIndex', () => {
  it('knows every state its twin knows', () =>
    fc.assert(
      fc.property(histories, ranges, fc.integer({ min: 0, max: 400 }), fc.nat(60), (list, range, revision, limit) => {
        const { index, twin } = build(list);
        agree(index, twin, range, revision, limit);
        agree(index, twin, range, Number.POSITIVE_INFINITY, limit);
        expect(index.live).toBe(twin.shown(all(), Number.POSITIVE_INFINITY).length);
        for (const key of [name(0), name(7), range.start]) {
          const version = twin.at(key, revision);
          expect(index.at(key, revision)).toEqual(version && { main: version.main, sub: version.sub });
          const head = twin.at(key, Number.POSITIVE_INFINITY);
          expect(index.head(key)).toEqual(head && { main: head.main, sub: head.sub, ...twin.life(key) });
        }
        const heads: string[] = [];
        index.forEachHead(range, (key) => heads.push(key) < 5);
        const live = twin.shown(range, Number.POSITIVE_INFINITY).map(({ key }) => key);
        expect(heads).toEqual(live.slice(0, 5));
      }),
      { numRuns: 60 },
    ));

  it('takes changes back, the last first', () =>
    fc.assert(
      fc.property(histories, fc.nat(600), ranges, (list, keep, range) => {
        const { index, undos } = build(list);
        const before = build(list.slice(0, keep));
        while (undos.length > before.undos.length) index.revert(undos.pop()!);
        agree(index, before.twin, range, Number.POSITIVE_INFINITY, 1000);
        expect(index.size).toBe(before.index.size);
        expect(index.stale).toBe(before.index.stale);
        for (let n = 0; n < MANY; n += 10) expect(index.head(name(n))).toEqual(before.index.head(name(n)));
      }),
      { numRuns: 40 },
    ));

  it('is compacted in steps, and then still knows what may be asked', () =>
    fc.assert(
      fc.property(histories, ranges, fc.integer({ min: 0, max: 400 }), fc.nat(50), (list, range, compacted, later) => {
        const { index, twin } = build(list);
        const dropped: Version[] = [];
        let next: string | null = '';
        let steps = 0;
        while (next !== null) {
          next = index.compactStep(next, compacted, 25, (key, main, sub, tombstone) => {
            dropped.push({ key, main, sub, tombstone });
          });
          steps++;
        }
        expect(steps).toBeGreaterThanOrEqual(Math.floor(dropped.length / 600));
        for (const revision of [compacted, compacted + later]) agree(index, twin, range, revision, 1000);

        const text = (version: Version): string => JSON.stringify(version);
        const left = new Set(twin.changes.map(text));
        for (const version of dropped) expect(left.delete(text(version))).toBe(true);
        const stays = (version: Version): boolean => {
          if (version.main > compacted) return true;
          if (version.tombstone) return version.main === compacted;
          return twin.at(version.key, compacted) === version;
        };
        expect([...left]).toEqual(twin.changes.filter(stays).map(text));

        // What is read back after a restart is the same index.
        const restored = new KeyIndex();
        for (const { key, main, sub, tombstone } of twin.changes.filter(stays)) {
          restored.restore(
            key,
            main,
            sub,
            tombstone,
            index.head(key)?.createRevision ?? 0,
            index.head(key)?.version ?? 0,
          );
        }
        expect({ size: restored.size, live: restored.live, stale: restored.stale }).toEqual({
          size: index.size,
          live: index.live,
          stale: index.stale,
        });
        for (const revision of [compacted, compacted + later]) agree(restored, twin, range, revision, 1000);
      }),
      { numRuns: 60 },
    ));

  it('finds whole stretches that are gone by now, or were not there yet', () => {
    const { index, twin } = build([
      ...Array.from({ length: 300 }, (_, key) => ({ key, dead: 1, next: true })),
      ...Array.from({ length: 300 }, (_, key) => ({ key, dead: 0, next: true })),
    ]);
    for (const revision of [2, 150, 301, 302, 303, 450, 602, 603]) agree(index, twin, all(), revision, 1000);
  });

  it('does not look at keys that have nothing to give up', () => {
    const index = new KeyIndex();
    for (let n = 0; n < 300; n++) index.put(name(n), n + 2, 0);
    index.put(name(7), 1000, 0);
    let steps = 0;
    let dropped = 0;
    for (let next: string | null = ''; next !== null; steps++) next = index.compactStep(next, 1000, 1, () => dropped++);
    expect({ steps, dropped }).toEqual({ steps: 1, dropped: 1 });
  });
});
