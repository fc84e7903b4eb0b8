import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodePut } from '../codec.js';
import { Recent } from './recent.js';
import { SharedEvent } from './shared-event.js';

function event(main: number, sub: number, valueBytes = 1): SharedEvent {
  const encoded = encodePut('k', main, main, 1, new Uint8Array(valueBytes), 0n);
  return new SharedEvent({ key: 'k', type: 'put', encoded, revision: { main, sub } });
}

describe('Recent', () => {
  it('holds the last whole revisions within its bounds, and says from which on', () => {
    fc.assert(
      fc.property(
        fc.array(fc.array(fc.constantFrom(1, 1, 300), { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 40 }),
        fc.nat(12),
        fc.constantFrom(0, 700, 1_000_000),
        (writes, maxEvents, maxBytes) => {
          const recent = new Recent({ maxEvents, maxBytes });
          const pushed: SharedEvent[] = [];
          for (const [i, values] of writes.entries()) {
            for (const [sub, valueBytes] of values.entries()) {
              const one = event(i + 2, sub, valueBytes);
              pushed.push(one);
              recent.push(one);
            }
            recent.trim();
          }
          const last = writes.length + 1;
          const weigh = (events: readonly SharedEvent[]) => events.reduce((sum, { bytes }) => sum + bytes, 0);
          for (let revision = 1; revision <= last + 1; revision++) {
            const after = pushed.filter((one) => one.revision >= revision);
            const fits = after.length <= maxEvents && weigh(after) <= maxBytes && revision >= 2;
            expect(recent.covers(revision)).toBe(fits);
            if (fits) expect(recent.from(revision)).toEqual(after);
          }
        },
      ),
    );
  });

  it('covers nothing before the first publication', () => {
    expect(new Recent({ maxEvents: 9, maxBytes: 999 }).covers(5)).toBe(false);
  });

  it('refuses a gap: a watcher would not notice', () => {
    const recent = new Recent({ maxEvents: 9, maxBytes: 9999 });
    recent.push(event(5, 0));
    recent.push(event(5, 1));
    recent.push(event(6, 0));
    expect(() => recent.push(event(8, 0))).toThrow('every revision is published');
    expect(() => recent.push(event(5, 2))).toThrow('every revision is published');
  });

  it('stays right over many thousands', () => {
    const recent = new Recent({ maxEvents: 10, maxBytes: 1_000_000 });
    for (let revision = 2; revision < 5000; revision++) {
      recent.push(event(revision, 0));
      recent.trim();
    }
    expect([recent.covers(4989), recent.covers(4990)]).toEqual([false, true]);
    expect(recent.from(4995).map(({ revision }) => revision)).toEqual([4995, 4996, 4997, 4998, 4999]);
  });

  it('gives what is still held memory of its own when it goes', () => {
    const block = new Uint8Array(1000);
    const bytes = encodePut('k', 2, 2, 1, new Uint8Array([7]), 0n);
    block.set(bytes, 100);
    const held = new SharedEvent({
      key: 'k',
      type: 'put',
      encoded: block.subarray(100, 100 + bytes.length),
      revision: { main: 2, sub: 0 },
    });
    const history = { compactedRevision: -1 } as never;
    const before = held.event(false, history);
    held.holders = 1;
    const recent = new Recent({ maxEvents: 0, maxBytes: 0 });
    recent.push(held);
    recent.trim();
    const after = held.event(false, history);
    expect(after).toBe(before);
    expect(after.encodedKv.buffer.byteLength).toBe(bytes.length);
    expect([...after.encodedKv]).toEqual([...bytes]);
    expect([...after.kv.value]).toEqual([7]);
  });
});
