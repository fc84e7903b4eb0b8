import type { Entry, Persist, RecoveredLog } from '@kontiki/raft';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { itemsOf, LogImage } from './log-image.js';
import { LogMirror } from './log-mirror.js';

const entry = (index: number, term: number): Entry => ({ index, term, kind: 'normal', data: new Uint8Array(0) });
const confState = { voters: [1n], learners: [] };

function batch(entries: readonly Entry[], rest: Partial<Persist> = {}): Persist {
  return { entries, mustSync: true, ...rest };
}

function recoveredOf(image: LogImage): RecoveredLog {
  const { base, entries, hardState } = image;
  return {
    entries,
    hardState,
    ...(base.index > 0 && { snapshot: { ...base, confState } }),
  };
}

/** Batches as a member makes them: each may overwrite a part of the end that is not committed. */
const histories = fc
  .array(fc.record({ back: fc.nat(3), count: fc.nat(4), sync: fc.boolean(), what: fc.nat(9) }), { maxLength: 15 })
  .map((steps) => {
    const batches: Persist[] = [];
    let last = 0;
    let base = 0;
    let term = 1;
    for (const { back, count, sync, what } of steps) {
      term++;
      const from = Math.max(base, last - back);
      const entries = Array.from({ length: count }, (_, i) => entry(from + i + 1, term));
      if (what === 0) {
        const index = last + 5;
        batches.push(batch([], { snapshot: { meta: { index, term, confState }, data: new Uint8Array(0) } }));
        last = base = index;
        continue;
      }
      if (count > 0) last = from + count;
      const hardState = { term, vote: 1n, commit: base };
      const compacted = what === 1 && last > base ? { index: last, term, confState } : undefined;
      if (compacted !== undefined && count > 0) base = last;
      batches.push(
        batch(entries, { hardState, mustSync: sync || count > 0, ...(compacted && count > 0 && { compacted }) }),
      );
    }
    return batches;
  });

describe('a mirror of a log', () => {
  it('takes whatever a crash can leave: what was promised, and any part of the rest from its front', () => {
    fc.assert(
      fc.property(histories, fc.nat(), fc.nat(), (batches, doneSeed, keptSeed) => {
        const mirror = new LogMirror();
        for (const each of batches) mirror.write(each);
        const done = doneSeed % (batches.length + 1);
        for (const each of batches.slice(0, done)) mirror.done(each);
        const promised = batches.slice(0, batches.slice(0, done).findLastIndex(({ mustSync }) => mustSync) + 1);
        const rest = batches.slice(promised.length).flatMap(itemsOf);
        const found = new LogImage();
        for (const item of promised.flatMap(itemsOf)) found.add(item);
        for (const item of rest.slice(0, keptSeed % (rest.length + 1))) found.add(item);
        mirror.recovered(recoveredOf(found));
        expect(mirror.durable.summary()).toBe(found.summary());
        expect(mirror.written.summary()).toBe(found.summary());
      }),
    );
  });

  it('refuses a log without what was promised: an entry, the vote, the whole of it', () => {
    const hardState = { term: 2, vote: 1n, commit: 0 };
    const first = batch([entry(1, 1), entry(2, 2)], { hardState });
    const promised = (): LogMirror => {
      const mirror = new LogMirror();
      mirror.write(first);
      mirror.done(first);
      return mirror;
    };
    promised().recovered({ entries: first.entries, hardState });
    for (const log of [
      { entries: [entry(1, 1)], hardState },
      { entries: first.entries, hardState: { ...hardState, vote: 0n } },
      { entries: [entry(1, 1), entry(2, 1)], hardState },
      { entries: [] },
    ]) {
      expect(() => promised().recovered(log)).toThrow('none that a crash can leave');
    }
  });

  it('refuses what was never written, and a part without what came before it', () => {
    const mirror = new LogMirror();
    mirror.write(batch([entry(1, 1)]));
    mirror.write(batch([entry(2, 1)]));
    expect(() => mirror.recovered({ entries: [entry(1, 1), entry(2, 1), entry(3, 1)] })).toThrow();
    expect(() => mirror.recovered({ entries: [entry(2, 1)], snapshot: { index: 1, term: 1, confState } })).toThrow();
  });

  it('promises nothing for what did not have to be synced', () => {
    const commit = batch([], { hardState: { term: 1, vote: 0n, commit: 0 }, mustSync: false });
    const mirror = new LogMirror();
    mirror.write(commit);
    mirror.done(commit);
    mirror.recovered({ entries: [] });
    expect(mirror.durable.hardState.term).toBe(0);
  });
});
