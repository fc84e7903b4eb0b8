import type { Random } from '@kontiki/std';
import type { Hook, MemoryFileSystem, Operation } from './memory-file-system.js';
import { systemError } from './memory-tree.js';

/** Flips one bit of a file; bit 0 is the lowest of the first byte. */
export function flipBit(fileSystem: MemoryFileSystem, path: string, bit: number): void {
  fileSystem.alter(path, (bytes) => {
    bytes[bit >> 3]! ^= 1 << (bit & 7);
    return bytes;
  });
}

/** Fills part of a file with zeros, as a lost or misdirected write of sectors does. */
export function zero(fileSystem: MemoryFileSystem, path: string, start: number, end: number): void {
  fileSystem.alter(path, (bytes) => bytes.fill(0, start, end));
}

/** Fills part of a file with noise. */
export function scramble(fileSystem: MemoryFileSystem, path: string, start: number, end: number, random: Random): void {
  fileSystem.alter(path, (bytes) => bytes.map((byte, at) => (at >= start && at < end ? random.int(256) : byte)));
}

/** Cuts a file off. */
export function cutOff(fileSystem: MemoryFileSystem, path: string, length: number): void {
  fileSystem.alter(path, (bytes) => bytes.slice(0, length));
}

/** A hook that refuses one operation: the `nth` (from 1) of those that match. */
export function failNth(
  nth: number,
  matches: (operation: Operation) => boolean,
  code = 'EIO',
): Hook & { readonly hit: () => boolean } {
  let seen = 0;
  const hook = (operation: Operation): void => {
    if (matches(operation) && ++seen === nth) throw systemError(code, operation.kind, operation.path);
  };
  return Object.assign(hook, { hit: () => seen >= nth });
}
