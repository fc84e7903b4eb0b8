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
import { concat } from '@kontiki/std';
import { ByteQueue, readUint64, writeUint64 } from './byte-queue.js';
import { checkSequence, decodeEntry, decodeMessage, encodeEntry, encodeMessage } from './codec.js';
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
    for (;;) {
      const part = this.#queue.take(this.#wanted());
      if (part === undefined) return;
      this.#take(part, emit);
    }
  }

  #wanted(): number {
    switch (this.#expected) {
      case 'kind':
        return 1;
      case 'entry':
      case 'whole':
        return this.#length;
      default:
        return LENGTH_BYTES;
    }
  }

  #take(part: Uint8Array, emit: Emit): void {
    switch (this.#expected) {
      case 'kind':
        this.#begin(part[0]!);
        return;
      case 'count':
        this.#missing = readUint64(part);
        this.#bytes = 0;
        this.#entries = [];
        this.#expected = this.#missing === 0 ? 'commit' : 'entryLength';
        return;
      case 'entryLength':
        this.#length = checkedLength(part, this.#maxBytes - this.#bytes);
        this.#bytes += this.#length + LENGTH_BYTES;
        this.#expected = 'entry';
        return;
      case 'entry':
        this.#addEntry(decodeEntry(part));
        this.#expected = --this.#missing === 0 ? 'commit' : 'entryLength';
        return;
      case 'commit':
        this.#expected = 'kind';
        emit(this.#continue(readUint64(part)));
        return;
      case 'wholeLength':
        this.#length = checkedLength(part, this.#maxBytes);
        this.#expected = 'whole';
        return;
      case 'whole':
        this.#expected = 'kind';
        emit(this.#restart(part));
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
  }

  #continue(commit: number): AppendMessage {
    if (!Number.isSafeInteger(commit)) throw malformed(`a commit index of ${commit}`);
    const { term, index } = this.#position;
    const entries = this.#entries;
    this.#entries = [];
    this.#position = { term, index: index + entries.length };
    return { type: 'append', from: this.#from, to: this.#to, term, prevIndex: index, prevTerm: term, entries, commit };
  }

  #restart(bytes: Uint8Array): AppendMessage {
    const message = decodeMessage(bytes);
    if (message?.type !== 'append') throw malformed(`${message?.type ?? 'an unknown message'} among appends`);
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
  const head = new Uint8Array(1 + LENGTH_BYTES);
  head[0] = CONTINUATION;
  writeUint64(head, 1, entries.length);
  const parts: Uint8Array[] = [head];
  for (const entry of entries) {
    const body = encodeEntry(entry);
    parts.push(number(body.length), body);
  }
  parts.push(number(commit));
  return concat(parts);
}

function number(value: number): Uint8Array {
  const bytes = new Uint8Array(LENGTH_BYTES);
  writeUint64(bytes, 0, value);
  return bytes;
}

function malformed(what: string): PeerError {
  return new PeerError('MALFORMED_FRAME', what);
}
