/**
 * Byte strings. Two forms: `Uint8Array` on the wire and on disk; in memory, where many are kept and compared, a
 * *latin1 string*: one UTF-16 unit per byte (V8 stores one byte each), ordered as the bytes are.
 */

/** No bytes at all; shared, never written to. */
export const EMPTY: Uint8Array = new Uint8Array(0);

/** -1, 0 or 1: lexicographic order of unsigned bytes, a prefix before what it begins. */
export function compare(a: Uint8Array, b: Uint8Array): -1 | 0 | 1 {
  const shorter = Math.min(a.length, b.length);
  for (let i = 0; i < shorter; i++) {
    const difference = a[i]! - b[i]!;
    if (difference !== 0) return difference < 0 ? -1 : 1;
  }
  return a.length === b.length ? 0 : a.length < b.length ? -1 : 1;
}

export function equals(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && compare(a, b) === 0;
}

/** A copy of its own: nothing of the source buffer stays pinned. */
export function copy(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes);
}

export function concat(parts: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
  const whole = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/**
 * The first byte string after everything that starts with `prefix`.
 * @returns undefined when there is none: the prefix is empty or all 0xff.
 */
export function prefixEnd(prefix: Uint8Array): Uint8Array | undefined {
  for (let i = prefix.length - 1; i >= 0; i--) {
    if (prefix[i]! < 0xff) {
      const end = prefix.slice(0, i + 1);
      end[i]!++;
      return end;
    }
  }
  return undefined;
}

/** The latin1 form: character i is byte i. */
export function toLatin1(bytes: Uint8Array): string {
  if (typeof Buffer !== 'undefined') {
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
  }
  let text = '';
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}

/** Back from the latin1 form. Characters above 0xff are a bug of the caller and lose their high byte. */
export function fromLatin1(text: string): Uint8Array {
  if (typeof Buffer !== 'undefined') return Buffer.from(text, 'latin1');
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

/** For people: printable ASCII as it is, the rest as `\xNN`. */
export function printable(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) {
    text += byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : `\\x${byte.toString(16).padStart(2, '0')}`;
  }
  return text;
}
