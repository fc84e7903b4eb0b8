/**
 * Reads one segment the way docs/format.md describes it, sharing no code with the package: slow, and only what is
 * needed. The other side of every proof that our bytes are etcd's.
 */
export interface NaiveRecord {
  readonly type: bigint;
  readonly crc: number;
  /** undefined: no data field. */
  readonly data: Uint8Array | undefined;
}

export function decodeSegment(
  bytes: Uint8Array,
  chain: number,
): { records: NaiveRecord[]; chain: number; end: number } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const records: NaiveRecord[] = [];
  let at = 0;
  let crc = chain;
  while (at + 8 <= bytes.length) {
    const field = view.getBigUint64(at, true);
    if (field === 0n) break;
    const length = Number(field & 0x00ff_ffff_ffff_ffffn);
    const high = Number(field >> 56n);
    const padding = high >= 0x80 ? high & 0x07 : 0;
    if ((length + padding) % 8 !== 0) throw new Error(`frame at ${at} is not aligned`);
    const record = decodeMessage(bytes.subarray(at + 8, at + 8 + length));
    if (record.type === 4n) {
      if (at > 0 || records.length > 0) {
        if (record.crc !== crc) throw new Error(`checksum record at ${at} breaks the chain`);
      }
      crc = record.crc;
    } else {
      crc = castagnoli(record.data ?? new Uint8Array(0), crc);
      if (record.crc !== crc) throw new Error(`checksum of the record at ${at} is wrong`);
    }
    records.push(record);
    at += 8 + length + padding;
  }
  return { records, chain: crc, end: at };
}

/** One frame that fills `bytes`; its checksum is not looked at. */
export function decodeFrame(bytes: Uint8Array): NaiveRecord {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return decodeMessage(bytes.subarray(8, 8 + Number(view.getBigUint64(0, true) & 0x00ff_ffff_ffff_ffffn)));
}

function decodeMessage(bytes: Uint8Array): NaiveRecord {
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes[at++];
      if (byte === undefined) throw new Error('a number runs over the end');
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  let type: bigint | undefined;
  let crc: number | undefined;
  let data: Uint8Array | undefined;
  while (at < bytes.length) {
    const tag = varint();
    if (tag === 0x08n) type = varint();
    else if (tag === 0x10n) crc = Number(varint());
    else if (tag === 0x1an) {
      const length = Number(varint());
      data = bytes.slice(at, at + length);
      if (data.length !== length) throw new Error('data runs over the end');
      at += length;
    } else throw new Error(`unknown field ${tag}`);
  }
  if (type === undefined || crc === undefined) throw new Error('a field is missing');
  return { type, crc, data };
}

function castagnoli(bytes: Uint8Array, previous: number): number {
  let crc = ~previous >>> 0;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  }
  return ~crc >>> 0;
}
