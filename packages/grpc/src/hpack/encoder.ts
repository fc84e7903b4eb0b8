import type { Field } from './static-table.js';

const STATIC_FIELDS = 61;
const STATUS_200 = 0x88;
/** All that is ever indexed here fits, three entries of less than 70 bytes each, so nothing is ever evicted. */
const NEEDED_TABLE_BYTES = 256;
const DEFAULT_TABLE_BYTES = 4096;

/** A block is never longer than this beside the fields given to `encodeFields`. */
export const MAX_FIXED_BLOCK_BYTES = 128;

/** A field that is added to the peer's table when it is first sent, and one byte from then on. */
interface Known {
  /** With incremental indexing; and without, for a peer that has no table. */
  readonly indexing: Uint8Array;
  readonly plain: Uint8Array;
}

const CONTENT_TYPE = known({ name: 'content-type', value: 'application/grpc' }, 31);
const ACCEPT_ENCODING = known({ name: 'grpc-accept-encoding', value: 'identity,gzip' }, 0);
const STATUS_OK = known({ name: 'grpc-status', value: '0' }, 0);

/** Encodes the header blocks of one connection's answers, which are nearly all the same three fields. */
export class ResponseEncoder {
  /** How many fields have been added to the table, and for each known one which it was; 0: not yet. */
  #added = 0;
  #contentType = 0;
  #acceptEncoding = 0;
  #statusOk = 0;
  #indexing = true;
  /** The peer's table as it was last agreed on, and what is to be announced first in the next block. */
  #tableBytes = DEFAULT_TABLE_BYTES;
  #announce: number[] = [];

  /** The peer changed SETTINGS_HEADER_TABLE_SIZE. @see RFC 7541 §4.2 */
  setTableLimit(bytes: number): void {
    const wanted = Math.min(bytes, DEFAULT_TABLE_BYTES);
    if (wanted === this.#tableBytes) return;
    if (wanted < NEEDED_TABLE_BYTES) {
      // Emptied, then not used: simpler than to know what is left of it.
      this.#indexing = false;
      this.#added = this.#contentType = this.#acceptEncoding = this.#statusOk = 0;
      this.#announce = [0];
      this.#tableBytes = 0;
    } else {
      this.#indexing = true;
      this.#announce = [...this.#announce.filter((size) => size < wanted).slice(0, 1), wanted];
      this.#tableBytes = wanted;
    }
  }

  /** Headers before a message. @returns the offset after them */
  encodeHeaders(into: Uint8Array, at: number): number {
    let end = this.#announceSizes(into, at);
    into[end++] = STATUS_200;
    end = this.#known(CONTENT_TYPE, this.#contentType, into, end);
    if (this.#contentType === 0 && this.#indexing) this.#contentType = ++this.#added;
    end = this.#known(ACCEPT_ENCODING, this.#acceptEncoding, into, end);
    if (this.#acceptEncoding === 0 && this.#indexing) this.#acceptEncoding = ++this.#added;
    return end;
  }

  /** Trailers of an answer with status OK. @returns the offset after them */
  encodeOk(into: Uint8Array, at: number): number {
    const end = this.#known(STATUS_OK, this.#statusOk, into, this.#announceSizes(into, at));
    if (this.#statusOk === 0 && this.#indexing) this.#statusOk = ++this.#added;
    return end;
  }

  /** Any fields, as literals that are not indexed. */
  encodeFields(fields: readonly Field[]): Uint8Array {
    const sizes = new Uint8Array(16);
    const parts: Uint8Array[] = [sizes.subarray(0, this.#announceSizes(sizes, 0))];
    for (const field of fields) parts.push(literal(field, 0x00, 0x0f, 0));
    return Buffer.concat(parts);
  }

  #known(field: Known, number: number, into: Uint8Array, at: number): number {
    if (number > 0) {
      into[at] = 0x80 | (STATIC_FIELDS + 1 + this.#added - number);
      return at + 1;
    }
    const bytes = this.#indexing ? field.indexing : field.plain;
    into.set(bytes, at);
    return at + bytes.length;
  }

  #announceSizes(into: Uint8Array, at: number): number {
    if (this.#announce.length === 0) return at;
    let end = at;
    for (const size of this.#announce) end = integer(into, end, 0x20, 0x1f, size);
    this.#announce = [];
    return end;
  }
}

function known(field: Field, nameIndex: number): Known {
  return { indexing: literal(field, 0x40, 0x3f, nameIndex), plain: literal(field, 0x00, 0x0f, nameIndex) };
}

function literal({ name, value }: Field, pattern: number, mask: number, nameIndex: number): Uint8Array {
  const bytes = new Uint8Array(name.length + value.length + 20);
  let at = integer(bytes, 0, pattern, mask, nameIndex);
  if (nameIndex === 0) at = string(bytes, at, name);
  return bytes.subarray(0, string(bytes, at, value));
}

function string(into: Uint8Array, at: number, text: string): number {
  const start = integer(into, at, 0x00, 0x7f, text.length);
  for (let i = 0; i < text.length; i++) into[start + i] = text.charCodeAt(i);
  return start + text.length;
}

/** @see RFC 7541 §5.1 */
function integer(into: Uint8Array, at: number, pattern: number, mask: number, value: number): number {
  if (value < mask) {
    into[at] = pattern | value;
    return at + 1;
  }
  into[at] = pattern | mask;
  let end = at + 1;
  let rest = value - mask;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) into[end++] = (rest % 0x80) | 0x80;
  into[end++] = rest;
  return end;
}
