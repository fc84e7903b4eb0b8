import { rpc } from '@kontiki/proto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { KEY_SPACE, keyOf, LIST_KEYS, type LoadName, loads, randomKey, randomValue, VALUE_BYTES } from './loads.js';

const load = (name: LoadName): (typeof loads)[number] => loads.find((candidate) => candidate.name === name)!;
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1');
const keys = fc.integer({ min: 0, max: KEY_SPACE - 1 });

describe('the bodies', () => {
  it('are framed messages the servers understand', () => {
    const value = randomValue();
    const put = rpc.PutRequest.decode(load('put').body(42, value).subarray(5));
    expect([text(put.key), text(put.value)]).toEqual(['bench/00000042', text(value)]);

    const get = rpc.RangeRequest.decode(load('get').body(7, value).subarray(5));
    expect([text(get.key), get.rangeEnd.length, get.serializable]).toEqual(['bench/00000007', 0, false]);

    const relaxed = rpc.RangeRequest.decode(load('serializable-get').body(7, value).subarray(5));
    expect([text(relaxed.key), relaxed.serializable]).toEqual(['bench/00000007', true]);

    const list = rpc.RangeRequest.decode(load('list').body(0, value).subarray(5));
    expect([text(list.key), text(list.rangeEnd)]).toEqual([text(keyOf(0)), text(keyOf(LIST_KEYS))]);
  });

  it('are of one length and any mixture of two keys is a key: they are changed in place while they are read', () =>
    fc.assert(
      fc.property(keys, keys, fc.nat(), (a, b, cut) => {
        for (const { body, varies } of loads) {
          const [first, second] = [body(a, randomValue()), body(b, randomValue())];
          expect(second.length).toBe(first.length);
          if (!varies) expect(second).toEqual(first);
        }
        const at = cut % keyOf(a).length;
        const torn = text(keyOf(a)).slice(0, at) + text(keyOf(b)).slice(at);
        expect(Number(torn.slice('bench/'.length))).toBeLessThan(KEY_SPACE);
      }),
    ));

  it('get random keys and values', () => {
    const drawn = Array.from({ length: 100 }, randomKey);
    expect(drawn.every((key) => Number.isInteger(key) && key >= 0 && key < KEY_SPACE)).toBe(true);
    expect(new Set(drawn).size).toBeGreaterThan(50);
    expect(randomValue().length).toBe(VALUE_BYTES);
  });
});
