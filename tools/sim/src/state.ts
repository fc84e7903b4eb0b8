import type { ConfState, Entry, SnapshotMeta } from '@kontiki/raft';
import { describeConfState, digestOf } from '@kontiki/raft/testing';

/** What a client asks for: the key gets the command's own id as its value. */
export interface Command {
  readonly id: bigint;
  readonly key: number;
}

/** What became of an entry: where it stands, and the value its key had before; of a change, whether it took effect. */
export interface Outcome {
  readonly index: number;
  readonly before: bigint;
  readonly effective: boolean;
}

/** Keys there are; few, so that clients meet. */
export const KEYS = 6;

const COMMAND_BYTES = 9;

/** @param padding bytes behind the command, to make it large */
export function encodeCommand({ id, key }: Command, padding: number): Uint8Array {
  const bytes = new Uint8Array(COMMAND_BYTES + padding);
  new DataView(bytes.buffer).setBigUint64(0, id);
  bytes[8] = key;
  return bytes;
}

export function decodeCommand(bytes: Uint8Array): Command {
  return { id: new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0), key: bytes[8]! };
}

/** A change is admitted only in the configuration it was made for, named by the index that brought it about. */
export function encodeExpectation(id: bigint, configuredAt: number): Uint8Array {
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, id);
  view.setFloat64(8, configuredAt);
  return bytes;
}

/** Undefined: the change is one of those a cluster begins with, or a leader leaves a joint configuration by. */
export function decodeExpectation(
  context: Uint8Array,
): { readonly id: bigint; readonly configuredAt: number } | undefined {
  if (context.length !== 16) return undefined;
  const view = new DataView(context.buffer, context.byteOffset);
  return { id: view.getBigUint64(0), configuredAt: view.getFloat64(8) };
}

/**
 * The state that is replicated: a register for each key, who is a member, and a digest of everything that led here.
 */
export class State {
  index = 0;
  term = 0;
  digest = 0;
  confState: ConfState = { voters: [], learners: [] };
  /** Index of the entry that made `confState` what it is. */
  configuredAt = 0;
  readonly values: bigint[] = Array.from({ length: KEYS }, () => 0n);

  /** Applies a normal entry. */
  apply(entry: Entry): { readonly id: bigint | undefined; readonly outcome: Outcome } {
    this.#enter(entry);
    if (entry.data.length === 0) return { id: undefined, outcome: { index: entry.index, before: 0n, effective: true } };
    const { id, key } = decodeCommand(entry.data);
    const before = this.values[key]!;
    this.values[key] = id;
    return { id, outcome: { index: entry.index, before, effective: true } };
  }

  applyChange(entry: Entry, confState: ConfState, effective: boolean): void {
    this.#enter(entry);
    this.confState = confState;
    if (effective) this.configuredAt = entry.index;
    // Who is a member is part of what must be the same everywhere.
    const members = new TextEncoder().encode(describeConfState(confState));
    this.digest = digestOf(this.digest, { ...entry, data: members });
  }

  encode(): Uint8Array {
    const { index, term, digest, confState, configuredAt, values } = this;
    const text = JSON.stringify({ index, term, digest, confState, configuredAt, values }, (_, value: unknown) =>
      typeof value === 'bigint' ? `${value}n` : value,
    );
    return new TextEncoder().encode(text);
  }

  static decode(bytes: Uint8Array): State {
    const state = new State();
    const { values, ...rest } = JSON.parse(new TextDecoder().decode(bytes), (_, value: unknown) =>
      typeof value === 'string' && /^\d+n$/.test(value) ? BigInt(value.slice(0, -1)) : value,
    ) as Omit<State, 'values'> & { values: readonly bigint[] };
    Object.assign(state, rest);
    state.values.splice(0, KEYS, ...values);
    return state;
  }

  meta(): SnapshotMeta {
    return { index: this.index, term: this.term, confState: this.confState };
  }

  #enter(entry: Entry): void {
    this.index = entry.index;
    this.term = entry.term;
    this.digest = digestOf(this.digest, entry);
  }
}
