import { SeededRandom } from '@kontiki/std';
import { describe, expect, it } from 'vitest';
import type { HardState } from './index.js';
import { MemoryLog, RawNode } from './index.js';

const confState = { voters: [1n, 2n, 3n], learners: [] };
const entry = (index: number, term: number) => ({ index, term, kind: 'normal', data: Uint8Array.of(index) }) as const;

function node(options: { log?: MemoryLog; hardState?: HardState; applied?: number; voters?: bigint[] } = {}): RawNode {
  const { log = new MemoryLog(), hardState, applied = 0, voters = [1n, 2n, 3n] } = options;
  return new RawNode({
    raft: { id: 1n },
    random: new SeededRandom(1),
    log,
    ...(hardState && { hardState }),
    confState: { voters, learners: [] },
    applied,
  });
}

describe('a node after a restart', () => {
  it('hands out what was committed and not applied', () => {
    const log = new MemoryLog(undefined, [entry(1, 1), entry(2, 1), entry(3, 1)]);
    const restarted = node({ log, hardState: { term: 1, vote: 2n, commit: 2 }, applied: 1 });
    expect(restarted.ready()).toMatchObject({ committed: [{ index: 2 }], messages: [] });
    restarted.applied(2);
    expect(restarted.ready()).toBeUndefined();
  });

  it('what was applied was committed, even when the crash took the note of it', () => {
    const log = new MemoryLog(undefined, [entry(1, 1), entry(2, 1)]);
    expect(node({ log, hardState: { term: 1, vote: 0n, commit: 0 }, applied: 2 }).status().commit).toBe(2);
  });

  it('is in the term of its last entry at least, and has not voted there', () => {
    const log = new MemoryLog(undefined, [entry(1, 5)]);
    expect(node({ log, hardState: { term: 4, vote: 3n, commit: 0 } }).status()).toMatchObject({ term: 5, vote: 0n });
  });

  it.each([
    ['commit beyond the log', { hardState: { term: 1, vote: 0n, commit: 9 } }],
    ['applied beyond the log', { applied: 9 }],
    ['applied before the log', { log: new MemoryLog({ index: 5, term: 1 }), applied: 3 }],
  ])('refuses to start with %s', (_, options) => {
    expect(() => node(options)).toThrow(expect.objectContaining({ code: 'LOG_LOST' }));
  });

  it('refuses a configuration that contradicts itself', () => {
    const broken = { voters: [1n, 2n], learners: [2n] };
    const start = (): RawNode =>
      new RawNode({
        raft: { id: 1n },
        random: new SeededRandom(1),
        log: new MemoryLog(),
        confState: broken,
        applied: 0,
      });
    expect(start).toThrow(expect.objectContaining({ code: 'INVALID_OPTIONS' }));
  });
});

describe('ready bundles', () => {
  it('are handed out once', () => {
    const lone = node({ voters: [1n] });
    lone.campaign();
    const vote = lone.ready()!;
    expect(vote).toMatchObject({
      persist: { hardState: { term: 1, vote: 1n, commit: 0 }, mustSync: true },
      committed: [],
    });
    expect(lone.ready()).toBeUndefined();
    lone.persisted(vote.persist!);
    expect(lone.ready()).toMatchObject({
      softState: { role: 'leader' },
      persist: { entries: [{ index: 1, term: 1 }] },
    });
  });

  it('hold back what is for the disk, and what waits for it, when told so', () => {
    const lone = node({ voters: [1n] });
    lone.campaign();
    expect(lone.ready({ canPersist: false })).toMatchObject({
      softState: { role: 'candidate' },
      messagesAfterPersist: [],
    });
    expect(lone.ready({ canPersist: false })).toBeUndefined();
    expect(lone.ready()?.persist).toMatchObject({ hardState: { vote: 1n } });
  });

  it('must be reported back in order', () => {
    const lone = node({ voters: [1n] });
    lone.campaign();
    const { persist } = lone.ready()!;
    expect(() => lone.persisted({ ...persist! })).toThrow('out of order');
  });

  it('write a commit index by itself only after a tick, and without a sync', () => {
    const log = new MemoryLog();
    const lone = node({ log, voters: [1n] });
    lone.campaign();
    for (let ready = lone.ready(); ready !== undefined; ready = lone.ready()) {
      if (ready.persist !== undefined) {
        log.append(ready.persist.entries);
        lone.persisted(ready.persist);
      }
      if (ready.committed.length > 0) lone.applied(ready.committed.at(-1)!.index);
    }
    lone.tick();
    const { persist } = lone.ready()!;
    expect(persist).toEqual({ hardState: { term: 1, vote: 1n, commit: 1 }, entries: [], mustSync: false });
    lone.persisted(persist!);
    lone.tick();
    expect(lone.ready()).toBeUndefined();
  });

  it('messages for others, or from nobody, have no effect', () => {
    const one = node();
    const heartbeat = { type: 'heartbeat', term: 5, commit: 0, context: new Uint8Array(0) } as const;
    one.step({ ...heartbeat, from: 2n, to: 3n });
    one.step({ ...heartbeat, from: 0n, to: 1n });
    one.step({ ...heartbeat, from: 1n, to: 1n });
    expect(one.status().term).toBe(0);
    expect(one.status().confState).toEqual(confState);
  });
});
