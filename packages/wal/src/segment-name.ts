/** One file of a log. */
export interface Segment {
  /** Its place in the order of files; whole numbers without gaps. */
  readonly sequence: number;
  /** What the owner said its first record would be numbered (etcd: the raft index). May fall from one to the next. */
  readonly position: number;
  readonly name: string;
}

const hex = (value: number): string => value.toString(16).padStart(16, '0');

export function makeSegment(sequence: number, position: number): Segment {
  return { sequence, position, name: `${hex(sequence)}-${hex(position)}.wal` };
}

const NAME = /^([0-9a-f]{16})-([0-9a-f]{16})\.wal$/;

/** @returns undefined for a name that is none of ours */
export function parseSegment(name: string): Segment | undefined {
  const match = NAME.exec(name);
  if (match === null) return undefined;
  const sequence = Number.parseInt(match[1]!, 16);
  const position = Number.parseInt(match[2]!, 16);
  if (!Number.isSafeInteger(sequence) || !Number.isSafeInteger(position)) return undefined;
  return { sequence, position, name };
}

/** The ending of a file, or folder, that is not finished yet and never was part of the log. */
export const UNFINISHED = '.tmp';

/**
 * Index of the first segment needed by someone who has everything before `position`: the last one named at or below it.
 * Positions may fall (a raft log overwrites its tail); what an older, higher named file says at or after `position`
 * is then overwritten too.
 *
 * @returns -1 when even the oldest starts later
 */
export function segmentOf(segments: readonly Segment[], position: number): number {
  return segments.findLastIndex((segment) => segment.position <= position);
}
