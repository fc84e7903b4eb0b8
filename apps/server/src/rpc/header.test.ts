import { rpc } from '@kontiki/proto';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { HeaderField, header } from './header.js';

const id = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const count = fc.nat(Number.MAX_SAFE_INTEGER);

it('a header as a field is the same bytes as the general way gives', () =>
  fc.assert(
    fc.property(id, id, count, count, fc.oneof(fc.constant(0), count), (clusterId, memberId, now, term, revision) => {
      const source = { clusterId, memberId, revision: () => now, term: () => term };
      const general = rpc.PutResponse.encode({ header: header(source, revision), prevKv: undefined }).finish();
      expect([...new HeaderField(source).encode(revision)]).toEqual([...general]);
    }),
  ));
