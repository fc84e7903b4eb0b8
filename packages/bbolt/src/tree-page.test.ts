import { describe, expect, it } from 'vitest';
import { bytesOf, latin1 } from './testing/index.js';
import { TreePage } from './tree-page.js';

const PAGE_BYTES = 256;

interface Element {
  readonly key: string;
  readonly value?: string;
  readonly flags?: number;
  readonly child?: number;
}

/** A page as it should be; `after` may spoil it. */
function page(flags: 1 | 2, elements: readonly Element[], after: (view: DataView) => void = () => {}): TreePage {
  const bytes = new Uint8Array(PAGE_BYTES);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, 7n, true);
  view.setUint16(8, flags, true);
  view.setUint16(10, elements.length, true);
  let dataAt = 16 + elements.length * 16;
  for (const [i, { key, value = '', flags: kind = 0, child = 0 }] of elements.entries()) {
    const at = 16 + i * 16;
    if (flags === 1) {
      view.setUint32(at, dataAt - at, true);
      view.setUint32(at + 4, key.length, true);
      view.setBigUint64(at + 8, BigInt(child), true);
    } else {
      for (const [j, field] of [kind, dataAt - at, key.length, value.length].entries()) {
        view.setUint32(at + j * 4, field, true);
      }
    }
    bytes.set(bytesOf(key + value), dataAt);
    dataAt += key.length + value.length;
  }
  after(view);
  return TreePage.of(7, 7 * PAGE_BYTES, bytes);
}

const leaf = [{ key: 'a', value: 'one' }, { key: 'b' }, { key: 'ba', value: 'three' }];
const bucket = (root: number, inside = ''): string => `${String.fromCharCode(root)}${'\0'.repeat(15)}${inside}`;
/** The page of an empty bucket, and of one with the record k = v. */
const empty = `${'\0'.repeat(8)}\x02${'\0'.repeat(7)}`;
const one = `${'\0'.repeat(8)}\x02\0\x01${'\0'.repeat(9)}\x10\0\0\0\x01\0\0\0\x01\0\0\0kv`;

describe('a page', () => {
  it('gives what is on it', () => {
    const found = page(2, leaf);
    expect([found.isLeaf, found.count, found.hasBuckets]).toEqual([true, 3, false]);
    expect([0, 1, 2].map((i) => `${latin1(found.key(i))}=${latin1(found.value(i))}`)).toEqual([
      'a=one',
      'b=',
      'ba=three',
    ]);
    const branch = page(1, [
      { key: 'a', child: 3 },
      { key: 'b', child: 2 ** 40 },
    ]);
    expect([branch.isLeaf, branch.count]).toEqual([false, 2]);
    expect([0, 1].map((i) => [latin1(branch.key(i)), branch.child(i)])).toEqual([
      ['a', 3],
      ['b', 2 ** 40],
    ]);
    expect(page(2, []).count).toBe(0);
  });

  it('may be full to its last byte', () => {
    const value = 'v'.repeat(PAGE_BYTES - 16 - 16 - 1);
    expect(page(2, [{ key: 'k', value }]).value(0)).toHaveLength(value.length);
  });

  const u32 =
    (at: number, value: number) =>
    (view: DataView): void =>
      view.setUint32(at, value, true);
  const count = (value: number) => (view: DataView) => view.setUint16(10, value, true);

  it.each([
    ['more elements than fit', 2, count(100), 'its 100 elements do not fit into it'],
    ['an element more', 2, count(4), 'the data of element 0 is not where the one before it ends'],
    ['an element less', 2, count(2), 'the data of element 0 is not where the one before it ends'],
    ['data apart', 2, u32(16 + 16 + 4, 37), 'the data of element 1 is not where the one before it ends'],
    ['data in the header', 2, u32(16 + 4, 0), 'the data of element 0 is not where the one before it ends'],
    ['a key that ends outside', 2, u32(16 + 32 + 8, 300), 'element 2 reaches beyond it'],
    ['a value that ends outside', 2, u32(16 + 32 + 12, 300), 'element 2 reaches beyond it'],
    ['a value of 4 GiB', 2, u32(16 + 32 + 12, 2 ** 32 - 1), 'element 2 reaches beyond it'],
    ['an element of another kind', 2, u32(16, 2), 'element 0 is of unknown kind 2'],
    ['a last value cut short', 2, u32(16 + 32 + 12, 4), 'there is something behind its last element, at byte 75'],
    ['no elements, but data', 2, count(0), 'there is something behind its last element, at byte 20'],
    ['no children', 1, count(0), 'it is a branch without children'],
  ] as const)('with %s is damaged', (_, flags, after, problem) => {
    expect(() => page(flags, leaf, after)).toThrow(`page 7 at offset 1792 is damaged: ${problem}`);
  });

  it.each([
    ['an empty key', [{ key: '', value: 'v' }], 'element 0 has no key'],
    ['a key twice', [{ key: 'a' }, { key: 'a' }], 'the key of element 1 does not come after the one before it'],
    ['keys out of order', [{ key: 'ab' }, { key: 'a' }], 'the key of element 1 does not come after the one before it'],
  ] as const)('with %s is damaged, leaf or branch', (_, elements, problem) => {
    expect(() => page(2, elements)).toThrow(problem);
    expect(() =>
      page(
        1,
        elements.map(({ key }) => ({ key })),
      ),
    ).toThrow(problem);
  });
});

describe('a bucket on a page', () => {
  const holding = (value: string): TreePage => page(2, [{ key: 'a' }, { key: 'b', value, flags: 1 }]);

  it('is told from a record, and is a root page or a page inside', () => {
    const found = holding(bucket(9));
    expect([found.hasBuckets, found.isBucket(0), found.isBucket(1)]).toEqual([true, false, true]);
    expect(found.bucket(1)).toBe(9);
    expect((holding(bucket(0, empty)).bucket(1) as TreePage).count).toBe(0);
    const inside = holding(bucket(0, one)).bucket(1) as TreePage;
    expect([latin1(inside.key(0)), latin1(inside.value(0))]).toEqual(['k', 'v']);
  });

  const nested = `${one.slice(0, 16)}\x01${one.slice(17, 28)}\x10\0\0\0k${bucket(9)}`;

  it.each([
    ['too short', bucket(9).slice(1), 'element 1 is too short for a bucket'],
    ['too long for a root page', `${bucket(9)}x`, 'element 1 is too long for a bucket with pages'],
    ['too short for a page', bucket(0, empty.slice(1)), 'element 1 is too short for a bucket with its page inside'],
    [
      'with another id inside',
      bucket(0, `\x01${one.slice(1)}`),
      'element 1 is a bucket with something else than a leaf',
    ],
    [
      'with a branch inside',
      bucket(0, one.replace('\x02', '\x01')),
      'element 1 is a bucket with something else than a leaf',
    ],
    [
      'with overflow inside',
      bucket(0, `${one.slice(0, 12)}\x01${one.slice(13)}`),
      'element 1 is a bucket with something else',
    ],
    ['with zeros behind', bucket(0, `${one}\0`), 'element 1 is a bucket longer than what is inside'],
    ['with something behind', bucket(0, `${one}x`), 'there is something behind its last element'],
    ['with buckets inside', bucket(0, nested), 'element 1 is a bucket inside the page of which are buckets'],
  ])('%s is damaged', (_, value, problem) => {
    expect(() => holding(value).bucket(1)).toThrow(`page 7 at offset 1792 is damaged: ${problem}`);
  });
});
