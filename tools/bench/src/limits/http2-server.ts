import { createServer } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { rpc } from '@kontiki/proto';
import { grpcFrame } from '../grpc-frame.js';

/** Answers every request with the same good response of gRPC: what Node's HTTP/2 costs, before any work is done. */
const header = { clusterId: 1n, memberId: 1n, revision: 100_000, raftTerm: 2 };
const body = grpcFrame(rpc.PutResponse.encode(rpc.PutResponse.fromPartial({ header })).finish());
const server = createServer();
server.on('stream', (stream) => {
  stream.resume();
  stream.on('end', () => {
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
    stream.end(body);
  });
  stream.on('error', () => stream.close());
});
server.listen(0, '127.0.0.1', () => console.log((server.address() as AddressInfo).port));
