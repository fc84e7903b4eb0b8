import fc from 'fast-check';
import protobuf from 'protobufjs';
import { known, longKind, toLong, unionOf } from './schema.js';

/** A message as protobufjs takes it. */
type Fields = Record<string, unknown>;

const int64Edges = [0n, 1n, -1n, 127n, 128n, 2n ** 31n, 2n ** 32n, 2n ** 53n, 2n ** 63n - 1n, -(2n ** 63n)];
const uint64Edges = [0n, 1n, 127n, 128n, 2n ** 28n, 2n ** 32n, 2n ** 53n, 2n ** 63n, 2n ** 64n - 1n];
const safe = Number.MAX_SAFE_INTEGER;
const numberEdges = [0, 1, 127, 128, 16383, 16384, 2 ** 28, 2 ** 31 - 1, 2 ** 31, 2 ** 32, 2 ** 49, safe];

/**
 * Any message of the type that has one encoding only: what an encoder may leave out (empty, zero where zeros are not
 * written) is left out.
 */
export function arbitraryMessage(type: protobuf.Type, depth: number = 3): fc.Arbitrary<Fields> {
  const parts: fc.Arbitrary<Fields>[] = [];
  for (const field of type.fieldsArray) {
    field.resolve();
    if (unionOf(field) === undefined) parts.push(arbitraryField(field, depth));
  }
  for (const oneof of type.oneofsArray) {
    if (oneof.name.startsWith('_')) continue;
    const cases = oneof.fieldsArray.map((field) => field.resolve());
    parts.push(
      fc.oneof(
        fc.constant({}),
        ...cases
          .filter((field) => depth > 0 || !(field.resolvedType instanceof protobuf.Type))
          .map((field) => arbitraryValue(field, depth).map((value): Fields => ({ [field.name]: value }))),
      ),
    );
  }
  return fc.tuple(...parts).map((fields) => Object.assign({}, ...fields) as Fields);
}

function arbitraryField(field: protobuf.Field, depth: number): fc.Arbitrary<Fields> {
  const isMessage = field.resolvedType instanceof protobuf.Type;
  if (isMessage && depth === 0) return fc.constant({});
  const value = arbitraryValue(field, depth);
  if (field.repeated) {
    return fc.array(value, { maxLength: 3 }).map((items): Fields => (items.length > 0 ? { [field.name]: items } : {}));
  }
  if (isMessage || field.partOf) {
    return fc
      .option(value, { nil: undefined })
      .map((item): Fields => (item === undefined ? {} : { [field.name]: item }));
  }
  const zeroIsWritten = known(field.parent as protobuf.Type).alwaysWritten && field.type !== 'bytes';
  return value.map((item): Fields => (isZero(item) && !zeroIsWritten ? {} : { [field.name]: item }));
}

function arbitraryValue(field: protobuf.Field, depth: number): fc.Arbitrary<unknown> {
  if (field.resolvedType instanceof protobuf.Type) return arbitraryMessage(field.resolvedType, depth - 1);
  if (field.resolvedType instanceof protobuf.Enum) {
    const named = fc.constantFrom(...Object.values(field.resolvedType.values));
    // Whoever sends a value that has no name yet gets it back; protobufjs drops it where proto2 says so.
    return known(field.parent as protobuf.Type).open ? fc.oneof(named, fc.constantFrom(-1, 99)) : named;
  }
  const unsigned = field.type === 'uint64';
  switch (field.type) {
    case 'bytes':
      return fc.oneof(
        fc.uint8Array({ maxLength: 40 }),
        fc.constantFrom(0, 127, 128).map((length) => new Uint8Array(length).fill(0x61)),
      );
    case 'string':
      return fc.oneof(
        fc.string({ unit: 'binary' }),
        fc.string({ unit: 'grapheme-ascii', minLength: 40, maxLength: 200 }),
      );
    case 'bool':
      return fc.boolean();
    case 'uint32':
      return fc.oneof(fc.nat(), fc.constantFrom(0, 127, 128, 2 ** 31, 2 ** 32 - 1));
    case 'int64':
    case 'uint64': {
      const values =
        longKind(field) === 'number'
          ? fc
              .oneof(fc.maxSafeNat(), fc.constantFrom(...numberEdges))
              .chain((value) => fc.constantFrom(...(unsigned ? [value] : [value, -value])))
              .map(BigInt)
          : fc.oneof(
              fc.bigInt(unsigned ? { min: 0n, max: 2n ** 64n - 1n } : { min: -(2n ** 63n), max: 2n ** 63n - 1n }),
              fc.constantFrom(...(unsigned ? uint64Edges : int64Edges)),
            );
      return values.map((value) => toLong(value, unsigned));
    }
    default:
      throw new Error(`no values for ${field.type}`);
  }
}

function isZero(value: unknown): boolean {
  if (typeof value === 'object' && value !== null) {
    return value instanceof Uint8Array ? value.length === 0 : String(value) === '0';
  }
  return value === 0 || value === false || value === '';
}
