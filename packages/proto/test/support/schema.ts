import { readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import protobuf from 'protobufjs';
import type { MessageFns } from '../../src/index.js';
import * as proto from '../../src/index.js';

/** Our .proto files as protobufjs reads them: an implementation that shares nothing with what is tested. */
export const root: protobuf.Root = load();

const NAMESPACES: Readonly<Record<string, readonly object[]>> = {
  mvccpb: [proto.kv],
  authpb: [proto.auth],
  etcdserverpb: [proto.rpc, proto.internal, proto.etcdserver],
  membershippb: [proto.membership],
  leasepb: [proto.lease],
  raftpb: [proto.raft],
  walpb: [proto.wal],
  snappb: [proto.snap],
  v3lockpb: [proto.lock],
  v3electionpb: [proto.election],
  'grpc.health.v1': [proto.health],
};

/** Files whose messages are written with all their numbers, zeros too. */
const ALWAYS_WRITTEN = ['etcdserver.proto', 'raft.proto', 'snap.proto', 'wal.proto'];

/** A message as both implementations know it. */
export interface Known {
  /** "etcdserverpb.PutRequest" */
  readonly name: string;
  readonly type: protobuf.Type;
  readonly ours: MessageFns<object>;
  readonly alwaysWritten: boolean;
  /** proto3: enums may hold values without a name. */
  readonly open: boolean;
}

export const messages: readonly Known[] = typesIn(root).map((type) => {
  const name = type.fullName.slice(1);
  const file = basename(type.filename ?? '');
  return {
    name,
    type,
    ours: oursOf(type),
    alwaysWritten: ALWAYS_WRITTEN.includes(file),
    open: !['raft.proto', 'snap.proto', 'wal.proto'].includes(file),
  };
});

export function known(type: protobuf.Type): Known {
  const found = messages.find((message) => message.type === type);
  if (found === undefined) throw new Error(`no message ${type.fullName}`);
  return found;
}

/** How a field is called in TypeScript. */
export function keyOf(name: string): string {
  return name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
}

/** Whether the field is a 64-bit integer, and which kind of value stands for it. */
export function longKind(field: protobuf.Field): 'number' | 'bigint' | undefined {
  if (field.type !== 'int64' && field.type !== 'uint64') return undefined;
  return field.options?.['jstype'] === 'JS_NUMBER' ? 'number' : 'bigint';
}

/** A 64-bit integer as protobufjs takes it. */
export function toLong(value: bigint, unsigned: boolean): unknown {
  return loadLong().fromString(String(value), unsigned);
}

/** The oneof a field belongs to; what `optional` makes is none. */
export function unionOf(field: protobuf.Field): protobuf.OneOf | undefined {
  return field.partOf && !field.partOf.name.startsWith('_') ? field.partOf : undefined;
}

/** What protobufjs decoded, in the shape our messages have. */
export function plain(message: protobuf.Message): object {
  const { type } = known(message.$type);
  const result: Record<string, unknown> = {};
  for (const oneof of type.oneofsArray) if (!oneof.name.startsWith('_')) result[keyOf(oneof.name)] = undefined;
  for (const field of type.fieldsArray) {
    field.resolve();
    const own = Object.hasOwn(message, field.name);
    const value = (message as unknown as Record<string, unknown>)[field.name];
    const union = unionOf(field);
    if (union !== undefined) {
      if (own) result[keyOf(union.name)] = { $case: keyOf(field.name), value: plainValue(field, value) };
    } else if (field.repeated) {
      result[keyOf(field.name)] = (value as unknown[]).map((item) => plainValue(field, item));
    } else if (field.resolvedType instanceof protobuf.Type || field.partOf) {
      result[keyOf(field.name)] = own ? plainValue(field, value) : undefined;
    } else {
      result[keyOf(field.name)] = plainValue(field, value);
    }
  }
  return result;
}

function plainValue(field: protobuf.Field, value: unknown): unknown {
  if (field.resolvedType instanceof protobuf.Type) return plain(value as protobuf.Message);
  if (field.type === 'bytes') return Uint8Array.from(value as Uint8Array);
  const kind = longKind(field);
  if (kind === undefined) return value;
  const exact = BigInt(String(value));
  return kind === 'number' ? Number(exact) : exact;
}

/** protobufjs looks for its 64-bit integers where the test runner's module conditions hide them. */
function giveLong(): void {
  protobuf.util.Long = loadLong() as unknown as typeof protobuf.util.Long;
  protobuf.configure();
}

interface LongClass {
  fromString(text: string, unsigned: boolean): unknown;
}

function loadLong(): LongClass {
  const require = createRequire(createRequire(import.meta.url).resolve('protobufjs'));
  const loaded = require('long') as LongClass & { default?: LongClass };
  return loaded.default ?? loaded;
}

function load(): protobuf.Root {
  giveLong();
  const folder = fileURLToPath(new URL('../../proto', import.meta.url));
  const loaded = new protobuf.Root();
  loaded.resolvePath = (_, target) => join(folder, basename(target));
  loaded.loadSync(readdirSync(folder), { keepCase: true });
  loaded.resolveAll();
  return loaded;
}

function typesIn(namespace: protobuf.NamespaceBase): protobuf.Type[] {
  return namespace.nestedArray.flatMap((nested) => [
    ...(nested instanceof protobuf.Type ? [nested] : []),
    ...(nested instanceof protobuf.Namespace ? typesIn(nested) : []),
  ]);
}

function oursOf(type: protobuf.Type): MessageFns<object> {
  const packageName = type.parent?.fullName.slice(1) ?? '';
  for (const namespace of NAMESPACES[packageName] ?? []) {
    const found = (namespace as Record<string, unknown>)[type.name];
    if (found !== undefined) return found as MessageFns<object>;
  }
  throw new Error(`${type.fullName} is generated nowhere`);
}
