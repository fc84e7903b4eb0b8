import * as grpc from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, expectTypeOf, it } from 'vitest';
import { errors, lock, rpc } from '../index.js';
import { toGrpcMethod, toGrpcService } from './grpc.js';

const service = toGrpcService(rpc.WatchDefinition);
const kvService = toGrpcService(rpc.KVDefinition);
const maintenanceService = toGrpcService(rpc.MaintenanceDefinition);

let server: grpc.Server;
let client: grpc.Client;

beforeAll(async () => {
  server = new grpc.Server();
  server.addService(kvService, {
    put: (call: grpc.ServerUnaryCall<rpc.PutRequest, rpc.PutResponse>, answer: grpc.sendUnaryData<rpc.PutResponse>) => {
      const { key, value, lease } = call.request;
      if (key.length === 0) {
        const { code, message } = errors.rpcError('EmptyKey');
        answer({ code, details: message });
        return;
      }
      const header = { clusterId: 2n ** 64n - 1n, revision: 7 };
      answer(null, rpc.PutResponse.create({ header, prevKv: { key, value, lease } }));
    },
  });
  server.addService(service, {
    watch: (call: grpc.ServerDuplexStream<rpc.WatchRequest, rpc.WatchResponse>) => {
      call.on('data', ({ requestUnion }: rpc.WatchRequest) => {
        if (requestUnion?.$case !== 'createRequest') throw new Error(`not expected: ${requestUnion?.$case}`);
        call.write(rpc.WatchResponse.create({ watchId: requestUnion.value.watchId, created: true }));
      });
      call.on('end', () => call.end());
    },
  });
  server.addService(maintenanceService, {
    snapshot: (call: grpc.ServerWritableStream<rpc.SnapshotRequest, rpc.SnapshotResponse>) => {
      // Messages around the size where a message stops being a view of something shared.
      for (const size of [0, 100, 20_000, 200_000]) {
        call.write(rpc.SnapshotResponse.create({ remainingBytes: size, blob: new Uint8Array(size).fill(size % 251) }));
      }
      call.end();
    },
  });
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, bound) => {
      if (error) reject(error);
      else resolve(bound);
    });
  });
  client = new grpc.Client(`127.0.0.1:${port}`, grpc.credentials.createInsecure());
});

afterAll(() => {
  client.close();
  server.forceShutdown();
});

function put(request: rpc.PutRequest): Promise<rpc.PutResponse | undefined> {
  const { path, requestSerialize, responseDeserialize } = toGrpcMethod(rpc.KVDefinition.methods.put);
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(path, requestSerialize, responseDeserialize, request, (error, response) => {
      if (error) reject(error);
      else resolve(response);
    });
  });
}

describe('a service over grpc-js', () => {
  it('carries a call and its answer', async () => {
    const key = Buffer.from('raft');
    const response = await put(rpc.PutRequest.create({ key, value: Buffer.from('balsa'), lease: -(2n ** 63n) }));
    expect(response).toEqual(
      rpc.PutResponse.create({
        header: { clusterId: 2n ** 64n - 1n, revision: 7 },
        prevKv: { key: Uint8Array.from(key), value: Uint8Array.from(Buffer.from('balsa')), lease: -(2n ** 63n) },
      }),
    );
  });

  it('carries an error of the table', async () => {
    const error: grpc.ServiceError = await put(rpc.PutRequest.create()).then(
      () => expect.unreachable(),
      (reason) => reason,
    );
    expect(error.code).toBe(3);
    expect(errors.rpcErrorOf(error.details)?.name).toBe('EmptyKey');
  });

  it('carries a stream both ways', async () => {
    const { path, requestSerialize, responseDeserialize } = service.watch;
    const stream = client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize);
    for (const watchId of [1n, -1n, 2n ** 62n]) {
      stream.write(rpc.WatchRequest.create({ requestUnion: { $case: 'createRequest', value: { watchId } } }));
    }
    stream.end();
    const created: bigint[] = [];
    for await (const response of stream as AsyncIterable<rpc.WatchResponse>) created.push(response.watchId);
    expect(created).toEqual([1n, -1n, 2n ** 62n]);
  });

  it('carries a stream of pieces of every size', async () => {
    const { path, requestSerialize, responseDeserialize } = maintenanceService.snapshot;
    const request = rpc.SnapshotRequest.create();
    const stream = client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, request);
    const sizes: number[] = [];
    for await (const { blob, remainingBytes } of stream as AsyncIterable<rpc.SnapshotResponse>) {
      expect(blob.every((byte) => byte === remainingBytes % 251)).toBe(true);
      sizes.push(blob.length);
    }
    expect(sizes).toEqual([0, 100, 20_000, 200_000]);
  });
});

it('has every method of a service, with the types of its messages', () => {
  expect(Object.keys(toGrpcService(rpc.AuthDefinition)).length).toBe(17);
  const { lock: method } = toGrpcService(lock.LockDefinition);
  expectTypeOf(method).toExtend<grpc.MethodDefinition<lock.LockRequest, lock.LockResponse>>();
  expect(method).toMatchObject({ path: '/v3lockpb.Lock/Lock', requestStream: false, responseStream: false });
});
