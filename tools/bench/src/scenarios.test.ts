import { rpc } from '@kontiki/proto';
import { expect, it } from 'vitest';
import { framed, listedKeys, preparation, scenarios } from './scenarios.js';

it('frames a message as gRPC does', () => {
  expect([...framed(Uint8Array.of(7, 8))]).toEqual([0, 0, 0, 0, 2, 7, 8]);
});

it('lists exactly the keys that were prepared', () => {
  const list = scenarios.find(({ name }) => name.startsWith('list'))!;
  const { key, rangeEnd } = rpc.RangeRequest.decode(list.message);
  const [start, end] = [key, rangeEnd].map((bytes) => Buffer.from(bytes).toString('latin1'));
  const keys = preparation().map((pair) => Buffer.from(pair.key).toString('latin1'));
  expect(keys.filter((one) => one >= start! && one < end!)).toHaveLength(listedKeys);
});

it('puts and gets values of 256 bytes', () => {
  const put = scenarios.find(({ writes }) => writes)!;
  expect(rpc.PutRequest.decode(put.message).value).toHaveLength(256);
  for (const { value } of preparation()) expect(value).toHaveLength(256);
});
