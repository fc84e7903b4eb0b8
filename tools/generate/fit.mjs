/**
 * Fits what ts-proto generates to our own wire (`packages/proto/src/wire`): faster, stricter, and with the types of every
 * export written out. Each rule says what must be gone afterwards, so that a generator that writes something new
 * fails here and not in production.
 */

/** Their messages are written with all their numbers, as peers write them: zeros too. */
const ALWAYS_WRITTEN = new Set(['etcdserver.ts', 'raft.ts', 'snap.ts', 'wal.ts']);

/**
 * Messages in which clients put numbers of their own choice. A limit or revision beyond what a number holds exactly is a
 * large one, not an error.
 */
const CLAMPED = /(?:Request|^Compare|^LeaderKey)$/;

/**
 * @param {string} file  its name in src/gen
 * @param {string} source  as ts-proto wrote it
 * @returns {string}
 */
export function fit(file, source) {
  let text = source;
  const edit = (pattern, replacement) => {
    text = text.replaceAll(pattern, replacement);
  };

  // The common types stand at the end of every file; ours are in one place.
  const common = text.indexOf('\ntype Builtin = ');
  if (common < 0) throw new Error(`${file}: no common types at the end`);
  text = text.slice(0, common);
  edit('/* eslint-disable */\n', '');
  edit(/\nexport namespace \w+ \{\n(?: {2}export type .*\n)+\}\n/g, '');
  edit('new Uint8Array(0)', 'EMPTY');

  // Writing. The writer checks ranges itself.
  edit(/\n *if \(BigInt\.as(?:Ui|I)ntN\(64, [^{]*\{\n *throw new globalThis\.Error\([^;]*\);\n *\}/g, '');
  edit(/\.(u?int64)\(BigInt\(([^()]*)\)\)/g, '.$1Number($2)');
  // ts-proto overlooks jstype inside a oneof, here alone.
  for (const [, name] of text.matchAll(/\{ \$case: "(\w+)"; value: number \}/g)) {
    edit(new RegExp(`(case "${name}":\\n *writer\\.uint32\\(\\d+\\)\\.u?int64)\\(`, 'g'), '$1Number(');
  }
  edit(/writer\.uint32\((\d+)\)/g, 'writer.tag($1)');
  if (ALWAYS_WRITTEN.has(file)) {
    edit(
      /\n {4}if \(message\.\w+ !== (?:0n?|false|"")\) \{\n {2}( {4}.*\n) {4}\}/g,
      (_, line) => `\n${line.trimEnd()}`,
    );
  }

  // Reading. The reader knows where the message ends, and what is not protobuf.
  edit(
    /\n {4}const previousRecursionDepth = [\s\S]*?\n {4}try \{\n {6}const end = .*\n([\s\S]*?)\n {4}\} finally \{\n.*\n {4}\}\n/g,
    (_, body) =>
      `\n    const outer = reader.enter(length);\n${body.replaceAll(/^ {2}/gm, '').replace('return message;', 'reader.leave(outer);\n    return message;')}\n`,
  );
  edit('while (reader.pos < end) {', 'while (reader.pos < reader.end) {');
  edit('const tag = reader.uint32();', 'const tag = reader.tag();');
  edit(/\n *if \(\(tag & 7\) === 4 \|\| tag === 0\) \{\n *break;\n *\}/g, '');
  edit('reader.skip(tag & 7);', 'reader.skip(tag);');
  // A known field of another wire type: an error to etcd, and to us.
  edit(/if \(tag !== (\d+)\) \{\n *break;\n *\}\n/g, 'if (tag !== $1) throw reader.refused(tag);\n');
  edit(/(\n {10}\}\n\n {10})break;(\n {8}\}\n)/g, '$1throw reader.refused(tag);$2');
  edit('.decode(reader, reader.uint32())', '.decode(reader, reader.length())');
  edit(
    /( *)const end2 = reader\.uint32\(\) \+ reader\.pos;\n *while \(reader\.pos < end2\) \{\n([\s\S]*?)\n\1\}\n/g,
    '$1const field = reader.enter(reader.length());\n$1while (reader.pos < reader.end) {\n$2\n$1}\n$1reader.leave(field);\n',
  );
  text = text
    .split(/(?=\nexport const \w+: MessageFns<)/)
    .map((part) => {
      const message = /^\nexport const (\w+): MessageFns</.exec(part)?.[1] ?? '';
      const clamped = CLAMPED.test(message) ? 'Clamped' : 'Number';
      return part
        .replaceAll('longToNumber(reader.int64())', `reader.int64${clamped}()`)
        .replaceAll('longToNumber(reader.uint64())', 'reader.uint64Number()');
    })
    .join('');

  // Partial messages: ids are bigints there too.
  edit(/\((object\.\w+) !== undefined && \1 !== null\)\s+\? BigInt\(\1\)\s+: 0n/g, '$1 ?? 0n');
  edit(/BigInt\((object(?:\.\w+\??)+\.value)\)/g, '$1');
  edit('.map((e) => BigInt(e))', '.map((e) => e)');

  // Services: the path of each method in place of options, which we have none of.
  text = text
    .split(/(?=\nexport const \w+Definition = )/)
    .map((part) => {
      const service = /fullName: "(.*)"/.exec(part)?.[1];
      return part.replaceAll(/name: "(\w+)",\n([^{}]*?)options: \{\},/g, `name: "$1",\n$2path: "/${service}/$1",`);
    })
    .join('');

  const imports = [
    `import { type DeepPartial, ${text.includes('EMPTY') ? 'EMPTY, ' : ''}type MessageFns } from "../message.js";`,
    'import { BinaryReader } from "../wire/reader.js";',
    'import { BinaryWriter } from "../wire/writer.js";',
  ].join('\n');
  edit('import { BinaryReader, BinaryWriter } from "@bufbuild/protobuf/wire";', imports);

  for (const left of LEFT_OVER) {
    const found = left.exec(text);
    if (found) throw new Error(`${file}: ts-proto wrote something unknown: ${found[0]}`);
  }
  return text;
}

/** What no fitted file may contain. */
const LEFT_OVER = [
  /@bufbuild.*/,
  /globalThis.*/,
  /.*BigInt\(.*/,
  /.*longToNumber.*/,
  /.* as any\)\._.*/,
  /namespace .*/,
  /new Uint8Array.*/,
  /writer\.uint32.*/,
  /.*\bend2?\b;.*/,
  /options: \{\}.*/,
  /finally.*/,
  /tag !== \d+\) \{.*/,
];
