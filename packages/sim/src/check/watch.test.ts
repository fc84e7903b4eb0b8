import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkWatch, type WatchAnswer, type WatchCommit, type WatchEvent, type WatchTrace } from './watch.js';

const event = (revision: number, key: string): WatchEvent => ({ revision, key, text: `v${revision}` });
const commit = (revision: number, ...keys: string[]): WatchCommit => ({
  revision,
  events: keys.map((key) => event(revision, key)),
});
const log: readonly WatchCommit[] = [
  commit(2, 'a'),
  commit(3, 'b'),
  commit(4, 'a', 'c'),
  commit(5, 'a'),
  commit(6, 'b'),
];
const answer = (headerRevision: number, ...events: WatchEvent[]): WatchAnswer => ({ headerRevision, events });

/** Watches [a, c) from 2 on; the first connection breaks after revision 4. */
const sessions = [
  { from: 2, answers: [answer(3, event(2, 'a'), event(3, 'b')), answer(4, event(4, 'a'))] },
  { from: 5, answers: [answer(5, event(5, 'a')), answer(5), answer(6, event(6, 'b'))] },
];
const right: WatchTrace = { name: 'w', start: 'a', end: 'c', sessions, completeTo: 6 };
const rules = (trace: Partial<WatchTrace>): string[] => checkWatch(log, { ...right, ...trace }).map(({ rule }) => rule);
const withSecond = (...answers: WatchAnswer[]): string[] => rules({ sessions: [sessions[0]!, { from: 5, answers }] });

describe('checkWatch', () => {
  it('finds nothing wrong with what is right', () => {
    expect(rules({})).toEqual([]);
    expect(rules({ completeTo: 9 })).toEqual([]);
  });

  it.each<[string, readonly WatchAnswer[], string[]]>([
    ['a lost event', [answer(6, event(6, 'b'))], ['complete']],
    ['a lost event at the end', [answer(5, event(5, 'a'))], ['complete']],
    [
      'an event that comes twice',
      [answer(5, event(5, 'a')), answer(6, event(5, 'a'), event(6, 'b'))],
      ['atomic', 'unique'],
    ],
    [
      'an event of before the resumption',
      [answer(5, event(4, 'a'), event(5, 'a')), answer(6, event(6, 'b'))],
      ['resumable', 'unique'],
    ],
    ['events out of order', [answer(6, event(6, 'b'), event(5, 'a'))], ['ordered', 'complete', 'unique']],
    ['an event that never was', [answer(5, event(5, 'a')), answer(6, { ...event(6, 'b'), text: 'v7' })], ['invented']],
    ['a revision of nothing', [answer(5, event(5, 'a')), answer(7, event(6, 'b'), event(7, 'b'))], ['invented']],
    ['a key of another range', [answer(5, event(5, 'a')), answer(6, event(6, 'z'))], ['range', 'invented']],
    ['a header below its event', [answer(5, event(5, 'a'), event(6, 'b'))], ['header']],
    [
      'a bookmark that promises too much',
      [answer(6), answer(6, event(5, 'a'), event(6, 'b'))],
      ['bookmark', 'bookmark', 'bookmark'],
    ],
  ])('finds %s', (_, answers, expected) => {
    expect(withSecond(...answers)).toEqual(expected);
  });

  it('finds half a revision', () => {
    const trace = { end: 'd', sessions: [{ from: 4, answers: [answer(4, event(4, 'a'))] }], completeTo: 4 };
    expect(rules(trace)).toEqual(['atomic']);
  });

  it('finds a revision split over two answers', () => {
    const answers = [answer(4, event(4, 'a')), answer(4, event(4, 'c'))];
    expect(rules({ end: 'd', sessions: [{ from: 4, answers }], completeTo: 4 })).toContain('atomic');
  });

  it('finds a resumption that leaves a gap', () => {
    const gap = [sessions[0]!, { from: 6, answers: [answer(6, event(6, 'b'))] }];
    expect(rules({ sessions: gap })).toContain('resumable');
  });

  it('watches a single key', () => {
    const answers = [answer(5, event(2, 'a'), event(4, 'a'), event(5, 'a'))];
    expect(rules({ end: undefined, sessions: [{ from: 1, answers }] })).toEqual([]);
  });
});

/** A log, and how a right watcher might have got it: batched at will, broken at will. */
const lives = fc
  .record({
    commits: fc.array(fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd'), { minLength: 1 }), {
      minLength: 4,
      maxLength: 12,
    }),
    cuts: fc.infiniteStream(fc.nat(3)),
    end: fc.constantFrom('c', 'e', undefined),
  })
  .map(({ commits, cuts, end }) => {
    const history = commits.map((keys, i) => commit(i + 2, ...keys));
    const draw = (): number => cuts.next().value as number;
    const concerned = (key: string): boolean => (end === undefined ? key === 'a' : key < end);
    const lived: { from: number; answers: WatchAnswer[] }[] = [{ from: 2, answers: [] }];
    let batch: WatchEvent[] = [];
    for (const { revision, events } of history) {
      batch.push(...events.filter(({ key }) => concerned(key)));
      if (draw() === 0) continue;
      if (batch.length > 0) lived.at(-1)!.answers.push({ headerRevision: revision, events: batch });
      batch = [];
      if (draw() === 0) lived.at(-1)!.answers.push({ headerRevision: revision, events: [] });
      if (draw() === 0) lived.push({ from: revision + 1, answers: [] });
    }
    const completeTo = history.at(-1)!.revision;
    if (batch.length > 0) lived.at(-1)!.answers.push({ headerRevision: completeTo, events: batch });
    return { history, trace: { name: 'w', start: 'a', end, sessions: lived, completeTo } satisfies WatchTrace };
  });

describe('checkWatch over random lives', () => {
  it('accepts every right one', () => {
    fc.assert(
      fc.property(lives, ({ history, trace }) => {
        expect(checkWatch(history, trace)).toEqual([]);
      }),
    );
  });

  it('refuses every one with an event lost, doubled or changed', () => {
    fc.assert(
      fc.property(lives, fc.nat(), fc.constantFrom('lose', 'double', 'change'), ({ history, trace }, at, damage) => {
        const places = trace.sessions.flatMap(({ answers }) => answers.filter(({ events }) => events.length > 0));
        fc.pre(places.length > 0);
        const place = places[at % places.length]!;
        const hurt = (events: readonly WatchEvent[]): readonly WatchEvent[] => {
          const [first, ...rest] = events;
          if (damage === 'lose') return rest;
          return damage === 'double' ? [first!, ...events] : [{ ...first!, text: 'other' }, ...rest];
        };
        const damaged = trace.sessions.map((session) => ({
          ...session,
          answers: session.answers.map((one) => (one === place ? { ...one, events: hurt(one.events) } : one)),
        }));
        expect(checkWatch(history, { ...trace, sessions: damaged })).not.toEqual([]);
      }),
    );
  });
});
