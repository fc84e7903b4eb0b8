#!/usr/bin/env node
// Writes protoc.txt: every message with every field set (a line for each case of its oneofs), as protoc encodes it.
// Needs protoc on the PATH; tests need only the file.
//
//   node test/golden/make.mjs
import { execFileSync } from 'node:child_process';
import { readdirSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import protobuf from 'protobufjs';

const folder = fileURLToPath(new URL('../../proto', import.meta.url));
const root = new protobuf.Root();
root.resolvePath = (_, target) => join(folder, basename(target));
root.loadSync(readdirSync(folder), { keepCase: true }).resolveAll();

const lines = typesIn(root).flatMap((type) => {
  const name = type.fullName.slice(1);
  const cases = Math.max(1, ...type.oneofsArray.map((oneof) => oneof.fieldsArray.length));
  return Array.from({ length: cases }, (_, number) => {
    const args = ['-I', folder, `--encode=${name}`, ...readdirSync(folder).map((file) => join(folder, file))];
    return `${name} ${execFileSync('protoc', args, { input: textOf(type, number, 3) }).toString('hex')}\n`;
  });
});
writeFileSync(new URL('protoc.txt', import.meta.url), lines.join(''));

/** The message in text format: each oneof has its field number `number`, messages inside go `depth` deep. */
function textOf(type, number, depth) {
  const fields = type.fieldsArray.filter((field) => {
    field.resolve();
    const cases = field.partOf?.fieldsArray;
    return cases === undefined || cases[number % cases.length] === field;
  });
  return fields
    .flatMap((field) => (field.repeated ? [0, 1] : [0]).map((i) => fieldText(field, i, number, depth)))
    .join('\n');
}

function fieldText(field, i, number, depth) {
  const { resolvedType, name, id } = field;
  if (resolvedType instanceof protobuf.Type) {
    return depth === 0 ? '' : `${name} {\n${textOf(resolvedType, number + i, depth - 1)}\n}`;
  }
  return `${name}: ${resolvedType instanceof protobuf.Enum ? lastOf(resolvedType) : scalar(field, id, i)}`;
}

function lastOf({ values }) {
  return Object.keys(values).at(-1);
}

/** Values that differ from field to field, as wide as the type allows. */
function scalar({ type, options }, id, i) {
  const counts = options?.jstype === 'JS_NUMBER';
  switch (type) {
    case 'bool':
      return true;
    case 'uint32':
      return 2 ** 32 - id - i;
    case 'int64':
      return counts ? -(Number.MAX_SAFE_INTEGER - id - i) : -(2n ** 63n) + BigInt(id + i);
    case 'uint64':
      return counts ? Number.MAX_SAFE_INTEGER - id - i : 2n ** 64n - BigInt(id + i);
    case 'string':
      return `"text ${id}.${i} \\316\\272\\317\\215\\316\\274\\316\\261 \\360\\237\\214\\212"`;
    case 'bytes':
      return `"bytes ${id}.${i} \\000\\177\\200\\377${'.'.repeat(120)}"`;
    default:
      throw new Error(`no value for ${type}`);
  }
}

function typesIn(namespace) {
  return namespace.nestedArray.flatMap((nested) => [
    ...(nested instanceof protobuf.Type ? [nested] : []),
    ...(nested instanceof protobuf.Namespace ? typesIn(nested) : []),
  ]);
}
