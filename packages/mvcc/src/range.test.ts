import { fromLatin1 } from '@kontiki/std';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { all, between, contains, from, fromEtcd, isEmpty, prefix, single } from './range.js';

const keys = fc.uint8Array({ maxLength: 4 }).map((bytes) => String.fromCharCode(...bytes));
const fewKeys = fc.array(fc.constantFrom('\0', 'a', '\xfe', '\xff'), { maxLength: 3 }).map((parts) => parts.join(''));
const etcd = (key: string, end: string) => fromEtcd(fromLatin1(key), fromLatin1(end));

describe('a range', () => {
  it('of one key has that key and no other', () =>
    fc.assert(
      fc.property(fewKeys, fewKeys, (key, other) => {
        expect(contains(single(key), other)).toBe(key === other);
        expect(isEmpty(single(key))).toBe(false);
      }),
    ));

  it('of a prefix has what begins with it', () =>
    fc.assert(
      fc.property(fc.oneof(keys, fewKeys), fc.oneof(keys, fewKeys), (start, key) => {
        expect(contains(prefix(start), key)).toBe(key.startsWith(start));
        expect(contains(prefix(start), start + key)).toBe(true);
      }),
      { numRuns: 1000 },
    ));

  it('between two keys has the first and not the second', () =>
    fc.assert(
      fc.property(fewKeys, fewKeys, fewKeys, (start, end, key) => {
        expect(contains(between(start, end), key)).toBe(start <= key && key < end);
        expect(isEmpty(between(start, end))).toBe(start >= end);
        expect(contains(from(start), key)).toBe(start <= key);
        expect(contains(all(), key)).toBe(true);
      }),
    ));

  it('is made from a key and a range_end as etcd does', () => {
    expect(etcd('a', '')).toEqual(single('a'));
    expect(etcd('a', 'b')).toEqual(between('a', 'b'));
    expect(etcd('a', '\0')).toEqual(from('a'));
    expect(etcd('\0', '\0')).toEqual(all());
    expect(etcd('b', 'a')).toEqual(between('b', 'a'));
    expect(etcd('\0', 'a')).toEqual(between('\0', 'a'));
    expect(etcd('a', '\0\0')).toEqual(between('a', '\0\0'));
  });
});
