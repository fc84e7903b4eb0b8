import { expect, it } from 'vitest';
import { fit } from '../fit.mjs';

/** The least that ts-proto writes around what a test is about. */
function file(body: string): string {
  return `import { BinaryReader, BinaryWriter } from "@bufbuild/protobuf/wire";\n${body}\ntype Builtin = Date;\n`;
}

it('refuses a file it does not understand', () => {
  expect(() => fit('x.ts', 'export const X = 1;\n')).toThrow('x.ts: no common types at the end');
  for (const unknown of [
    'const n = longToNumber(reader.sint64());',
    'writer.uint32(field);',
    'globalThis.isFinite(1);',
  ]) {
    expect(() => fit('x.ts', file(unknown)), unknown).toThrow('x.ts: ts-proto wrote something unknown');
  }
});

it('takes numbers that clients choose for the last safe one, and those of the log exactly', () => {
  const body = (message: string): string =>
    `\nexport const ${message}: MessageFns<${message}> = {\n  message.n = longToNumber(reader.int64());\n};`;
  expect(fit('rpc.ts', file(body('RangeRequest')))).toContain('message.n = reader.int64Clamped();');
  expect(fit('rpc.ts', file(body('RangeResponse')))).toContain('message.n = reader.int64Number();');
});

it('writes zeros where peers do, and nowhere else', () => {
  const body = '    if (message.term !== 0) {\n      writer.uint32(8).uint64(BigInt(message.term));\n    }';
  expect(fit('raft.ts', file(body))).toContain('\n    writer.tag(8).uint64Number(message.term);');
  expect(fit('rpc.ts', file(body))).toContain(
    'if (message.term !== 0) {\n      writer.tag(8).uint64Number(message.term);\n',
  );
});
