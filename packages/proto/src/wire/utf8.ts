/**
 * Text to UTF-8 and back. Short ASCII, which most names and versions are, goes by hand: calling the platform costs more
 * than the work.
 */

/** Above this many characters the platform is faster. */
const BY_HAND = 48;

const ENCODER = new TextEncoder();
/** Refuses what is not UTF-8, and keeps a byte order mark as the character it is. */
const DECODER = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Writes `text` at `offset`, where three bytes for each of its UTF-16 units must fit.
 *
 * @returns the number of bytes written
 */
export function writeUtf8(text: string, buffer: Uint8Array, offset: number): number {
  const length = text.length;
  if (length <= BY_HAND) {
    let i = 0;
    for (; i < length; i++) {
      const unit = text.charCodeAt(i);
      if (unit > 0x7f) break;
      buffer[offset + i] = unit;
    }
    if (i === length) return length;
  }
  return ENCODER.encodeInto(text, buffer.subarray(offset)).written;
}

/**
 * The text between `start` and `end`.
 *
 * @throws Error when it is not valid UTF-8 (overlong forms and surrogates are not)
 */
export function readUtf8(buffer: Uint8Array, start: number, end: number): string {
  if (end - start <= BY_HAND) {
    let text = '';
    let i = start;
    for (; i < end; i++) {
      const byte = buffer[i] as number;
      if (byte > 0x7f) break;
      text += String.fromCharCode(byte);
    }
    if (i === end) return text;
  }
  try {
    return DECODER.decode(buffer.subarray(start, end));
  } catch (cause) {
    throw new Error('string field contains invalid UTF-8', { cause });
  }
}
