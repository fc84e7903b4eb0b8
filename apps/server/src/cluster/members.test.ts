import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeMemberChange, encodeMemberChange } from './member-change.js';
import { type Member, type MemberChange, type MemberStore, Membership, type SavedMembers } from './members.js';

const id = fc.bigInt({ min: 1n, max: 6n });
const url = fc.integer({ min: 1, max: 6 }).map((port) => `http://127.0.0.1:${port}`);
const urls = fc.uniqueArray(url, { minLength: 1, maxLength: 2 });
const member: fc.Arbitrary<Member> = fc.record({
  id,
  peerUrls: urls,
  isLearner: fc.boolean(),
  name: fc.constant(''),
  clientUrls: fc.constant([]),
});
const change: fc.Arbitrary<MemberChange> = fc.oneof(
  { weight: 3, arbitrary: member.map((added) => ({ kind: 'add', member: added }) as const) },
  id.map((of) => ({ kind: 'promote', id: of }) as const),
  id.map((of) => ({ kind: 'remove', id: of }) as const),
  fc.tuple(id, urls).map(([of, peerUrls]) => ({ kind: 'update', id: of, peerUrls }) as const),
);

/** What was saved, as a table would give it back. */
class Saved implements MemberStore {
  readonly members = new Map<bigint, Member>();
  readonly removed = new Set<bigint>();
  version: string | undefined;

  saveMember(saved: Member): void {
    this.members.set(saved.id, saved);
  }
  removeMember(gone: bigint): void {
    this.members.delete(gone);
    this.removed.add(gone);
  }
  saveClusterVersion(version: string): void {
    this.version = version;
  }
  load(): SavedMembers {
    return { members: [...this.members.values()], removed: [...this.removed], clusterVersion: this.version };
  }
}

/** The rules again, as plainly as they can be said, over a list. */
function naiveRefusal(all: readonly Member[], removed: ReadonlySet<bigint>, asked: MemberChange, max: number): string {
  const of = asked.kind === 'add' ? asked.member.id : asked.id;
  const known = all.filter((one) => one.id === of);
  const urlsOfOthers = all.filter((one) => one.id !== of).flatMap(({ peerUrls }) => peerUrls);
  const wanted = asked.kind === 'add' ? asked.member.peerUrls : asked.kind === 'update' ? asked.peerUrls : [];
  const clash = wanted.some((one) => urlsOfOthers.includes(one));
  if (removed.has(of)) return 'MemberNotFound';
  if (asked.kind === 'add') {
    if (known.length > 0) return 'MemberExist';
    if (clash) return 'PeerURLExist';
    return asked.member.isLearner && all.filter((one) => one.isLearner).length >= max ? 'TooManyLearners' : 'none';
  }
  if (known.length === 0) return 'MemberNotFound';
  if (asked.kind === 'promote' && !known[0]!.isLearner) return 'MemberNotLearner';
  return clash ? 'PeerURLExist' : 'none';
}

describe('Membership', () => {
  it('makes and refuses changes as the rules say, and is the same again when loaded', () => {
    fc.assert(
      fc.property(fc.array(change, { maxLength: 40 }), fc.integer({ min: 0, max: 2 }), (changes, maxLearners) => {
        const saved = new Saved();
        const membership = new Membership(1n, saved, saved.load(), maxLearners);
        let list: Member[] = [];
        const removed = new Set<bigint>();
        for (const asked of changes) {
          const refused = membership.refusal(asked);
          expect(refused ?? 'none').toBe(naiveRefusal(list, removed, asked, maxLearners));
          if (refused !== undefined) continue;
          membership.apply(asked);
          if (asked.kind === 'add') list.push(asked.member);
          if (asked.kind === 'promote')
            list = list.map((one) => (one.id === asked.id ? { ...one, isLearner: false } : one));
          if (asked.kind === 'update')
            list = list.map((one) => (one.id === asked.id ? { ...one, peerUrls: asked.peerUrls } : one));
          if (asked.kind === 'remove') {
            list = list.filter((one) => one.id !== asked.id);
            removed.add(asked.id);
          }
          list.sort((a, b) => (a.id < b.id ? -1 : 1));
          expect(membership.list()).toEqual(list);
        }
        const again = new Membership(1n, saved, saved.load(), maxLearners);
        expect(again.list()).toEqual(list);
        for (const gone of removed) expect(again.isRemoved(gone)).toBe(true);
      }),
    );
  });

  it('tells of every change, and of everything anew', () => {
    const saved = new Saved();
    const membership = new Membership(1n, saved, saved.load());
    let told = 0;
    membership.onChange(() => told++);
    const added: Member = { id: 7n, peerUrls: ['http://a:1'], isLearner: false, name: '', clientUrls: [] };
    membership.apply({ kind: 'add', member: added });
    expect(told).toBe(1);
    membership.restore({ members: [{ ...added, id: 8n }], removed: [7n], clusterVersion: '3.6.0' });
    expect(told).toBe(2);
    expect(membership.member(7n)).toBeUndefined();
    expect(membership.isRemoved(7n)).toBe(true);
    expect(membership.clusterVersion).toBe('3.6.0');
  });

  it('publishing does not bring a removed member back', () => {
    const saved = new Saved();
    const membership = new Membership(1n, saved, saved.load());
    membership.publish(7n, 'late', ['http://a:1']);
    expect(membership.list()).toEqual([]);
  });
});

describe('changes in the log', () => {
  it('come back as they were proposed', () => {
    fc.assert(
      fc.property(change, fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), (asked, proposal) => {
        const encoded = encodeMemberChange(proposal, asked);
        expect(encoded).toMatchObject({ kind: 'change', id: proposal });
        expect(decodeMemberChange(encoded)).toEqual(asked);
      }),
    );
  });

  it("are etcd's JSON, with the id as a number", () => {
    const added: Member = { id: 2n ** 63n + 5n, peerUrls: ['http://a:1'], isLearner: true, name: '', clientUrls: [] };
    const { context } = encodeMemberChange(1n, { kind: 'add', member: added });
    expect(new TextDecoder().decode(context)).toBe(
      '{"id":9223372036854775813,"peerURLs":["http://a:1"],"isLearner":true}',
    );
    const promote = encodeMemberChange(1n, { kind: 'promote', id: 3n });
    expect(JSON.parse(new TextDecoder().decode(promote.context))).toEqual({ id: 3, peerURLs: [], isPromote: true });
  });
});
