/**
 * The compact stream: appends only. Both ends remember the term and index the last frame ended at, so what follows
 * from there needs neither:
 *
 * ```
 * 0                                                    the link's heartbeat
 * 1  count:8  (length:8  raftpb.Entry) × count  commit:8    entries that continue where the last frame ended
 * 2  length:8  raftpb.Message                          any append; what follows may continue it
 * ```
 *
 * Numbers are big-endian. A frame of kind 1 stands for an append of the remembered term, after the remembered index,
 * whose entry there is of the same term.
 */
import type { AppendMessage, Entry } from '@kontiki/raft';
import { ByteQueue, writeUint64 } from './byte-queue.js';
import { checkSequence, decodeEntry, decodeMessage, encodeMessage } from './codec.js';
import { entrySize, writeEntry } from './entry-bytes.js';
import { PeerError } from './errors.js';
import type { Emit, FrameDecoder, FrameEncoder } from './frames.js';
import { checkedLength, LENGTH_BYTES } from './message-stream.js';

const HEARTBEAT = 0;
const CONTINUATION = 1;
const WHOLE = 2;
const LINK_HEARTBEAT: Uint8Array = Uint8Array.of(HEARTBEAT);

/** Where a stream stands; term 0: nothing was sent yet. */
interface Position {
  readonly term: number;
  readonly index: number;
}

const START: Position = { term: 0, index: 0 };

export class AppendEncoder implements FrameEncoder<AppendMessage> {
  #position = START;

  encode(message: AppendMessage): Uint8Array {
    const { term, index } = this.#position;
    const { prevIndex, prevTerm, entries } = message;
    const continues = prevIndex === index && prevTerm === term && message.term === term;
    this.#position = { term: message.term, index: prevIndex + entries.length };
    return continues ? continuation(message) : whole(message);
  }

  linkHeartbeat(): Uint8Array {
    return LINK_HEARTBEAT;
  }
}

/** What the decoder waits for. */
type Expected = 'kind' | 'count' | 'entryLength' | 'entry' | 'commit' | 'wholeLength' | 'whole';

export class AppendDecoder implements FrameDecoder {
  readonly #from: bigint;
  readonly #to: bigint;
  readonly #maxBytes: number;
  readonly #queue = new ByteQueue();
  #expected: Expected = 'kind';
  #position = START;
  /** Of the entry or message that comes next. */
  #length = 0;
  /** Of the frame of kind 1 being read. */
  #missing = 0;
  #bytes = 0;
  #entries: Entry[] = [];

  /** @param maxBytes of one frame */
  constructor(from: bigint, to: bigint, maxBytes: number) {
    this.#from = from;
    this.#to = to;
    this.#maxBytes = maxBytes;
  }

  push(chunk: Uint8Array, emit: Emit): void {
    this.#queue.push(chunk);
    while (this.#step(emit)) {}
  }

  /** @returns false: what comes next is not there yet */
  #step(emit: Emit): boolean {
    switch (this.#expected) {
      case 'kind': {
        const kind = this.#queue.take(1);
        if (kind !== undefined) this.#begin(kind[0]!);
        return kind !== undefined;
      }
      case 'entry':
      case 'whole': {
        const bytes = this.#queue.take(this.#length);
        if (bytes === undefined) return false;
        if (this.#expected === 'entry') this.#addEntry(decodeEntry(bytes));
        else emit(this.#restart(bytes));
        return true;
      }
      default: {
        const value = this.#queue.takeUint64();
        if (value !== undefined) this.#number(this.#expected, value, emit);
        return value !== undefined;
      }
    }
  }

  #number(what: 'count' | 'entryLength' | 'commit' | 'wholeLength', value: number, emit: Emit): void {
    switch (what) {
      case 'count':
        this.#missing = value;
        this.#bytes = 0;
        this.#entries = [];
        this.#expected = value === 0 ? 'commit' : 'entryLength';
        return;
      case 'entryLength':
        this.#length = checkedLength(value, this.#maxBytes - this.#bytes);
        this.#bytes += value + LENGTH_BYTES;
        this.#expected = 'entry';
        return;
      case 'wholeLength':
        this.#length = checkedLength(value, this.#maxBytes);
        this.#expected = 'whole';
        return;
      case 'commit':
        emit(this.#continue(value));
        return;
    }
  }

  #begin(kind: number): void {
    if (kind === HEARTBEAT) return;
    if (kind === CONTINUATION && this.#position.term > 0) this.#expected = 'count';
    else if (kind === WHOLE) this.#expected = 'wholeLength';
    else throw malformed(kind === CONTINUATION ? 'entries that continue nothing' : `a frame of kind ${kind}`);
  }

  #addEntry(entry: Entry): void {
    const { term, index } = this.#position;
    const before = this.#entries.at(-1) ?? { index, term };
    // One by one: so many entries as a frame announces are not kept before it turns out that the first is wrong.
    checkSequence([entry], before.index, before.term, term);
    this.#entries.push(entry);
    this.#expected = --this.#missing === 0 ? 'commit' : 'entryLength';
  }

  #continue(commit: number): AppendMessage {
    if (!Number.isSafeInteger(commit)) throw malformed(`a commit index of ${commit}`);
    const { term, index } = this.#position;
    const entries = this.#entries;
    this.#expected = 'kind';
    this.#entries = [];
    this.#position = { term, index: index + entries.length };
    return { type: 'append', from: this.#from, to: this.#to, term, prevIndex: index, prevTerm: term, entries, commit };
  }

  #restart(bytes: Uint8Array): AppendMessage {
    const message = decodeMessage(bytes);
    if (message?.type !== 'append') throw malformed(`${message?.type ?? 'an unknown message'} among appends`);
    this.#expected = 'kind';
    this.#position = { term: message.term, index: message.prevIndex + message.entries.length };
    return message;
  }
}

function whole(message: AppendMessage): Uint8Array {
  const body = encodeMessage(message);
  const frame = new Uint8Array(1 + LENGTH_BYTES + body.length);
  frame[0] = WHOLE;
  writeUint64(frame, 1, body.length);
  frame.set(body, 1 + LENGTH_BYTES);
  return frame;
}

function continuation({ entries, commit }: AppendMessage): Uint8Array {
  const sizes = entries.map(entrySize);
  let total = 1 + LENGTH_BYTES + LENGTH_BYTES;
  for (const size of sizes) total += LENGTH_BYTES + size;
  const frame = new Uint8Array(total);
  frame[0] = CONTINUATION;
  writeUint64(frame, 1, entries.length);
  let at = 1 + LENGTH_BYTES;
  for (const [i, entry] of entries.entries()) {
    writeUint64(frame, at, sizes[i]!);
    at = writeEntry(frame, at + LENGTH_BYTES, entry);
  }
  writeUint64(frame, at, commit);
  return frame;
}

function malformed(what: string): PeerError {
  return new PeerError('MALFORMED_FRAME', what);
}
