import { decodeHuffman } from './huffman.js';
import type { Field } from './static-table.js';
import { ENTRY_OVERHEAD_BYTES, HeaderTable } from './table.js';

/** A header block that breaks the rules: what follows it cannot be understood any more. */
export class HpackError extends Error {
  override readonly name = 'HpackError';
}

export interface DecoderOptions {
  /** What we let the peer's table grow to (our SETTINGS_HEADER_TABLE_SIZE). */
  readonly maxTableBytes: number;
  /** Of one block: names and values and 32 for each field. */
  readonly maxListBytes: number;
  readonly maxFields: number;
}

export interface DecodedBlock {
  readonly fields: readonly Field[];
  /** More than allowed was listed; `fields` is what came before. The table is right all the same. */
  readonly tooLarge: boolean;
}

const NOTHING: Buffer = Buffer.alloc(0);

/** Decodes the header blocks of one connection, in order. */
export class HpackDecoder {
  readonly table: HeaderTable;
  readonly #options: DecoderOptions;
  #bytes: Buffer = NOTHING;
  #at = 0;
  #end = 0;
  #scratch: Buffer = NOTHING;

  constructor(options: DecoderOptions) {
    this.#options = options;
    this.table = new HeaderTable(options.maxTableBytes);
  }

  /** @throws HpackError */
  decode(bytes: Buffer, start: number, end: number): DecodedBlock {
    this.#bytes = bytes;
    this.#at = start;
    this.#end = end;
    const fields: Field[] = [];
    let listBytes = 0;
    let tooLarge = false;
    let begun = false;
    while (this.#at < this.#end) {
      const first = bytes[this.#at]!;
      if (first >= 0x20 && first < 0x40) {
        if (begun) throw new HpackError('a table size update after a field');
        this.#resize();
        continue;
      }
      begun = true;
      const field = first >= 0x80 ? this.#indexed() : this.#literal(first);
      listBytes += field.name.length + field.value.length + ENTRY_OVERHEAD_BYTES;
      if (tooLarge || listBytes > this.#options.maxListBytes || fields.length === this.#options.maxFields) {
        tooLarge = true;
      } else {
        fields.push(field);
      }
    }
    // A connection that is quiet from now on must not hold the chunk alive.
    this.#bytes = NOTHING;
    return { fields, tooLarge };
  }

  #resize(): void {
    const size = this.#integer(0x1f);
    if (size > this.#options.maxTableBytes) throw new HpackError(`a table of ${size} bytes, more than allowed`);
    this.table.resize(size);
  }

  #indexed(): Field {
    return this.#lookUp(this.#integer(0x7f));
  }

  #literal(first: number): Field {
    const indexing = first >= 0x40;
    const nameIndex = this.#integer(indexing ? 0x3f : 0x0f);
    const name = nameIndex === 0 ? this.#string() : this.#lookUp(nameIndex).name;
    const field = { name, value: this.#string() };
    if (indexing) this.table.add(field);
    return field;
  }

  #lookUp(index: number): Field {
    const field = this.table.get(index);
    if (field === undefined) throw new HpackError(`no field has index ${index}`);
    return field;
  }

  /** @see RFC 7541 §5.1; nothing we take needs more than four bytes after the first */
  #integer(mask: number): number {
    let value = this.#byte() & mask;
    if (value < mask) return value;
    for (let shift = 0; shift <= 21; shift += 7) {
      const byte = this.#byte();
      value += (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    throw new HpackError('an integer is too long');
  }

  #string(): string {
    const huffman = this.#at < this.#end && this.#bytes[this.#at]! >= 0x80;
    const length = this.#integer(0x7f);
    const start = this.#at;
    if (length > this.#end - start) throw new HpackError('a string ends after its block');
    this.#at = start + length;
    if (!huffman) return this.#bytes.toString('latin1', start, start + length);
    if (this.#scratch.length < length * 2) this.#scratch = Buffer.allocUnsafeSlow(Math.max(length * 2, 256));
    const decoded = decodeHuffman(this.#bytes, start, start + length, this.#scratch);
    if (decoded < 0) throw new HpackError('a string is no Huffman code');
    return this.#scratch.toString('latin1', 0, decoded);
  }

  #byte(): number {
    if (this.#at >= this.#end) throw new HpackError('a block ends inside a field');
    return this.#bytes[this.#at++]!;
  }
}
