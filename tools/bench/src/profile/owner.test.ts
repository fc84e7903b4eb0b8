import { expect, it } from 'vitest';
import { ownerOf } from './owner.js';

it.each([
  ['/x/packages/mvcc/src/index/btree.ts', 'mvcc'],
  ['/x/packages/std/dist/chunk.js', 'std'],
  ['/x/apps/server/src/rpc/kv.ts', 'server/rpc'],
  ['/x/apps/server/src/main.ts', 'server'],
  ['/x/apps/server/dist/chunk.js', 'server'],
  ['/x/node_modules/.pnpm/@grpc+grpc-js@1.14.7/node_modules/@grpc/grpc-js/build/src/server.js', 'grpc-js'],
  ['/x/node_modules/.pnpm/classic-level@3.0.0/node_modules/classic-level/index.js', 'level'],
  ['/x/node_modules/.pnpm/level@10.0.0/node_modules/level/index.js', 'level'],
  ['/x/node_modules/abstract-level/index.js', 'level'],
  ['/x/node_modules/prom-client/lib/counter.js', 'prom-client'],
  ['/x/node_modules/.pnpm/a/node_modules/@scope/name/src/y.js', '@scope/name'],
  ['/x/tools/bench/src/profile/preload.mjs', 'the profiler'],
  ['node:internal/http2/core', 'node:http2'],
  ['node:http2', 'node:http2'],
  ['node:internal/stream_base_commons', 'node:net, streams'],
  ['node:net', 'node:net, streams'],
  ['node:internal/process/task_queues', 'node'],
  ['evalmachine.<anonymous>', 'other'],
])('%s belongs to %s', (file, owner) => expect(ownerOf(file)).toBe(owner));
