import { etcdserver, internal, rpc } from '@kontiki/proto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeRequest, encodeOperation, encodeRequest } from './request.js';
import { isV2Request } from './v2-request.js';

/** etcd writes every field, zeros too. */
const v2 = (fields: Partial<etcdserver.Request>): Uint8Array =>
  Uint8Array.from([
    ...etcdserver.Request.encode(etcdserver.Request.fromPartial(fields)).finish(),
    ...[0x50, 0, 0x58, 0, 0x60, 0, 0x68, 0, 0x70, 0, 0x78, 0],
  ]);

describe('requests of the second API', () => {
  it('a member that publishes itself', () => {
    const data = v2({
      ID: 0xfeedfacecafebeefn,
      Method: 'PUT',
      Path: '/0/members/8e9e05c52164694d/attributes',
      Val: '{"name":"m1","clientURLs":["http://10.0.0.1:2379"]}',
    });
    const decoded = decodeRequest(data);
    expect(decoded.ID).toBe(0xfeedfacecafebeefn);
    expect(decoded.clusterMemberAttrSet).toEqual({
      memberID: 0x8e9e05c52164694dn,
      memberAttributes: { name: 'm1', clientUrls: ['http://10.0.0.1:2379'] },
    });
    expect(decoded.clusterVersionSet).toBeUndefined();
  });

  it('the cluster version', () => {
    const decoded = decodeRequest(v2({ ID: 1n, Method: 'PUT', Path: '/0/version', Val: '3.5.0' }));
    expect(decoded.clusterVersionSet).toEqual({ ver: '3.5.0' });
    expect(decoded.clusterMemberAttrSet).toBeUndefined();
  });

  it('the same inside a request of the third', () => {
    const inner = etcdserver.Request.fromPartial({ Method: 'PUT', Path: '/0/version', Val: '3.5.0' });
    const decoded = decodeRequest(encodeRequest({ v2: inner }));
    expect(decoded.clusterVersionSet).toEqual({ ver: '3.5.0' });
    expect(decoded.v2).toBeUndefined();
  });

  it('a change of its store is refused by name, not skipped', () => {
    const data = v2({ ID: 1n, Method: 'DELETE', Path: '/1/a' });
    expect(() => decodeRequest(data)).toThrow('DELETE /1/a');
  });

  it('no request of the third is taken for one of the second', () =>
    fc.assert(
      fc.property(
        fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
        fc.uint8Array(),
        fc.constantFrom('key', 'v2', 'version'),
        (id, bytes, kind) => {
          const operation = {
            key: {
              put: { key: bytes, value: bytes, lease: 0n, prevKv: false, ignoreValue: false, ignoreLease: false },
            },
            v2: {
              v2: etcdserver.Request.fromPartial({ ID: id | 1n, Method: 'PUT', Path: '/0/version', Val: '3.5.0' }),
            },
            version: { clusterVersionSet: { ver: '3.5.0' } },
          }[kind];
          const data = encodeRequest({ ...operation, ID: id });
          expect(isV2Request(data)).toBe(false);
        },
      ),
    ));
});

describe('operations that came encoded', () => {
  const id = fc.bigInt({ min: 1n, max: 2n ** 64n - 1n });
  const bytes = fc.uint8Array({ maxLength: 300 });
  const put = fc
    .record({ key: bytes, value: bytes, lease: fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }), prevKv: fc.boolean() })
    .map((fields) => rpc.PutRequest.fromPartial(fields));
  const operation = fc.oneof(
    put.map((one) => ({ name: 'put' as const, body: rpc.PutRequest.encode(one).finish(), request: { put: one } })),
    fc.record({ key: bytes, rangeEnd: bytes, prevKv: fc.boolean() }).map((fields) => {
      const one = rpc.DeleteRangeRequest.fromPartial(fields);
      const body = rpc.DeleteRangeRequest.encode(one).finish();
      return { name: 'deleteRange' as const, body, request: { deleteRange: one } };
    }),
    fc.array(put, { maxLength: 3 }).map((puts) => {
      const one = rpc.TxnRequest.fromPartial({
        success: puts.map((value) => ({ request: { $case: 'requestPut' as const, value } })),
      });
      return { name: 'txn' as const, body: rpc.TxnRequest.encode(one).finish(), request: { txn: one } };
    }),
  );

  it('make the same entry as those that were decoded in between, and come back the same', () =>
    fc.assert(
      fc.property(id, operation, (ID, { name, body, request }) => {
        const header = { ID, username: '', authRevision: 0 };
        const data = encodeOperation(ID, name, body);
        expect([...data]).toEqual([...encodeRequest({ ...request, header })]);
        const decoded = decodeRequest(data);
        expect(decoded.header).toEqual(header);
        expect(decoded[name]).toEqual(internal.InternalRaftRequest.decode(data)[name]);
      }),
    ));

  it('are read in the general way where anything is different', () =>
    fc.assert(
      fc.property(id, operation, fc.nat(), fc.nat(255), (ID, { name, body }, place, byte) => {
        const data = encodeOperation(ID, name, body);
        data[place % data.length] = byte;
        const general = attempt(() => internal.InternalRaftRequest.decode(data));
        const decoded = attempt(() => decodeRequest(data));
        if (general === undefined || decoded === undefined) return;
        expect(decoded[name]).toEqual(general[name]);
        expect(decoded.header?.ID ?? 0n).toBe(general.header?.ID ?? 0n);
      }),
    ));
});

function attempt<T>(run: () => T): T | undefined {
  try {
    return run();
  } catch {
    return undefined;
  }
}
