import { varintSize } from '../wire/writer.js';

/**
 * A message put together from encoded parts: `head`, then each item as a field with this one-byte tag, then `tail`. Every
 * byte is copied once, into an array of exactly the right size.
 */
export function concat(head: Uint8Array, tag: number, items: readonly Uint8Array[], tail: Uint8Array): Uint8Array {
  let size = head.length + tail.length;
  for (const item of items) size += 1 + varintSize(item.length) + item.length;
  const bytes = new Uint8Array(size);
  bytes.set(head);
  let at = head.length;
  for (const item of items) {
    bytes[at++] = tag;
    let length = item.length;
    while (length > 0x7f) {
      bytes[at++] = (length & 0x7f) | 0x80;
      length >>>= 7;
    }
    bytes[at++] = length;
    bytes.set(item, at);
    at += item.length;
  }
  bytes.set(tail, at);
  return bytes;
}
