/**
 * Protobuf messages written by hand: the referee must be able to send what no typed client can hold (any 64-bit
 * number, any enum value), and must not share an encoder with the server it judges.
 */

/** A field's value: `bigint`, `number` and `boolean` are varints, `string` is latin1 bytes, a list is a message. */
export type FieldValue = bigint | number | boolean | Uint8Array | string | Message;

/** Fields in the order they are written. `undefined` entries are left out. */
export type Message = readonly (readonly [number, FieldValue] | undefined)[];

/** A field proto3 would leave out when it holds its default. */
export function field(number: number, value: FieldValue): readonly [number, FieldValue] | undefined {
  const isDefault =
    value === 0n ||
    value === 0 ||
    value === false ||
    value === '' ||
    (value instanceof Uint8Array && value.length === 0);
  return isDefault ? undefined : [number, value];
}

/** The bytes of a message. Negative numbers take ten bytes, as int32 and int64 do. */
export function encode(message: Message): Uint8Array {
  const parts: Uint8Array[] = [];
  for (const entry of message) {
    if (entry === undefined) continue;
    const [number, value] = entry;
    if (typeof value === 'bigint' || typeof value === 'number' || typeof value === 'boolean') {
      parts.push(varint(BigInt(number) << 3n), varint(BigInt(value)));
    } else {
      const bytes =
        typeof value === 'string' ? Buffer.from(value, 'latin1') : value instanceof Uint8Array ? value : encode(value);
      parts.push(varint((BigInt(number) << 3n) | 2n), varint(BigInt(bytes.length)), bytes);
    }
  }
  return Buffer.concat(parts);
}

/** A base-128 varint of the 64-bit two's complement of `value`. */
export function varint(value: bigint): Uint8Array {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, value);
  while (rest >= 0x80n) {
    bytes.push(Number(rest & 0x7fn) | 0x80);
    rest >>= 7n;
  }
  bytes.push(Number(rest));
  return Uint8Array.from(bytes);
}
