import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { inflateRawSync } from 'node:zlib';
import protobuf from 'protobufjs';
import { describe, expect, it } from 'vitest';
import { root } from './support/schema.js';

/**
 * A program in Go carries the descriptors of its messages. The ones in a real etcd, which may be older than 3.6, must be
 * found again in our files. Skipped where there is no etcd.
 */
const etcd = fileURLToPath(new URL('../../../.setup/etcd/usr/bin/etcd', import.meta.url));

/** Since 3.6, so that an older etcd has not got them. */
const SINCE_36 = [
  'etcdserverpb.DowngradeInfo',
  'etcdserverpb.DowngradeVersionTestRequest',
  'etcdserverpb.HashKVResponse.hash_revision',
  'etcdserverpb.InternalRaftRequest.downgrade_version_test',
  'etcdserverpb.SnapshotResponse.version',
  'etcdserverpb.StatusResponse.dbSizeQuota',
  'etcdserverpb.StatusResponse.downgradeInfo',
  'etcdserverpb.StatusResponse.storageVersion',
  'raftpb.Message.responses',
  'raftpb.Message.vote',
];

interface FieldDescriptor {
  readonly name: string;
  readonly number: number;
  readonly label: string;
  readonly type: string;
  readonly typeName?: string;
}

interface EnumDescriptor {
  readonly name: string;
  readonly value: readonly { readonly name: string; readonly number: number }[];
}

interface MessageDescriptor {
  readonly name: string;
  readonly field: readonly FieldDescriptor[];
  readonly enumType: readonly EnumDescriptor[];
}

interface FileDescriptor {
  readonly name: string;
  readonly package: string;
  readonly messageType: readonly MessageDescriptor[];
  readonly enumType: readonly EnumDescriptor[];
  readonly service: readonly {
    readonly name: string;
    readonly method: readonly {
      readonly name: string;
      readonly inputType: string;
      readonly outputType: string;
      readonly clientStreaming: boolean;
      readonly serverStreaming: boolean;
    }[];
  }[];
}

describe.skipIf(!existsSync(etcd))('the descriptors inside a real etcd', () => {
  const files = existsSync(etcd) ? descriptorsIn(readFileSync(etcd)) : [];

  it('are found', () => {
    expect(files.map((file) => file.name)).toEqual(expect.arrayContaining(['rpc.proto', 'kv.proto', 'raft.proto']));
  });

  it('name every message and field as we do', () => {
    const theirs = new Map<string, string>();
    for (const file of files) {
      for (const message of file.messageType) {
        const owner = `${file.package}.${message.name}`;
        theirs.set(owner, 'message');
        for (const field of message.field) {
          const repeated = field.label === 'LABEL_REPEATED' ? 'repeated ' : '';
          const type = field.typeName?.slice(1) || field.type.slice('TYPE_'.length).toLowerCase();
          theirs.set(`${owner}.${field.name}`, `${field.number} ${repeated}${type}`);
        }
      }
    }
    const ours = new Map<string, string>();
    for (const message of typesIn(root)) {
      const owner = message.fullName.slice(1);
      ours.set(owner, 'message');
      for (const field of message.fieldsArray) {
        field.resolve();
        const repeated = field.repeated ? 'repeated ' : '';
        const type = field.resolvedType?.fullName.slice(1) ?? field.type;
        ours.set(`${owner}.${field.name}`, `${field.id} ${repeated}${type}`);
      }
    }
    for (const [name, what] of theirs) expect(`${name}: ${ours.get(name)}`).toBe(`${name}: ${what}`);
    const since = (name: string): boolean => SINCE_36.some((newer) => name === newer || name.startsWith(`${newer}.`));
    const more = [...ours.keys()].filter(
      (name) => !theirs.has(name) && !name.startsWith('grpc.health.') && !since(name),
    );
    expect(more).toEqual([]);
  });

  it('give every enum value the number we give it', () => {
    for (const file of files) {
      const enums = [
        ...file.enumType.map((each) => [file.package, each] as const),
        ...file.messageType.flatMap((message) =>
          message.enumType.map((each) => [`${file.package}.${message.name}`, each] as const),
        ),
      ];
      for (const [owner, { name, value }] of enums) {
        const theirs = Object.fromEntries(value.map((each) => [each.name, each.number]));
        expect(root.lookupEnum(`${owner}.${name}`).values, `${owner}.${name}`).toMatchObject(theirs);
      }
    }
  });

  it('define every method as we do', () => {
    for (const file of files) {
      for (const service of file.service) {
        const ours = root.lookupService(`${file.package}.${service.name}`);
        const theirs = service.method.map((method) => [
          method.name,
          method.inputType,
          method.clientStreaming,
          method.outputType,
          method.serverStreaming,
        ]);
        expect(
          ours.methodsArray.map((method) => {
            method.resolve();
            return [
              method.name,
              method.resolvedRequestType?.fullName,
              method.requestStream ?? false,
              method.resolvedResponseType?.fullName,
              method.responseStream ?? false,
            ];
          }),
        ).toEqual(theirs);
      }
    }
  });
});

/** The descriptors of etcd's files: each is a gzip stream somewhere in the program. */
function descriptorsIn(program: Buffer): FileDescriptor[] {
  const require = createRequire(createRequire(import.meta.url).resolve('protobufjs'));
  const descriptors = protobuf.Root.fromJSON(
    require('protobufjs/google/protobuf/descriptor.json') as protobuf.INamespace,
  );
  const type = descriptors.lookupType('google.protobuf.FileDescriptorProto');
  const gzip = Buffer.from([0x1f, 0x8b, 8]);
  const files: FileDescriptor[] = [];
  for (let at = program.indexOf(gzip); at >= 0; at = program.indexOf(gzip, at + 1)) {
    const file = fileAt(program, at);
    if (file === undefined) continue;
    const descriptor = type.toObject(type.decode(file), {
      enums: String,
      arrays: true,
      defaults: true,
    }) as FileDescriptor;
    if (root.lookup(descriptor.package) !== null) files.push(descriptor);
  }
  return files;
}

/** What a gzip stream at this place holds, if it is one and holds a file's descriptor. */
function fileAt(program: Buffer, at: number): Buffer | undefined {
  // Go writes the shortest header there is. What follows the stream, maybe the next one, is not looked at.
  const header = 10;
  try {
    const file = inflateRawSync(program.subarray(at + header, at + 64 * 1024));
    return file[0] === 0x0a &&
      file
        .subarray(2, 2 + file[1]!)
        .toString()
        .endsWith('.proto')
      ? file
      : undefined;
  } catch {
    return undefined;
  }
}

function typesIn(namespace: protobuf.NamespaceBase): protobuf.Type[] {
  return namespace.nestedArray.flatMap((nested) => [
    ...(nested instanceof protobuf.Type ? [nested] : []),
    ...(nested instanceof protobuf.Namespace ? typesIn(nested) : []),
  ]);
}
