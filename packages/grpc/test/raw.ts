/** A connection without a socket, and what a test needs to speak to it in frames. */
import type { ConnectionObserver, Shared } from '../src/calls.js';
import { Connection } from '../src/connection.js';
import { Deadlines } from '../src/deadlines.js';
import { nodeInflate } from '../src/driver/gunzip.js';
import { Flag, FrameType, PREFACE, readUint32, writeFrameHeader } from '../src/frame.js';
import { Budget } from '../src/guards.js';
import { HpackDecoder } from '../src/hpack/decoder.js';
import { type GrpcLimits, limitsOf } from '../src/limits.js';
import type { Method } from '../src/method.js';
import { BlockPool } from '../src/output.js';

export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly id: number;
  readonly payload: Buffer;
}

/** One frame's bytes. */
export function frame(type: number, flags: number, id: number, payload: Uint8Array | number[] = []): Buffer {
  const bytes = Buffer.alloc(9 + payload.length);
  writeFrameHeader(bytes, 0, payload.length, type, flags, id);
  bytes.set(payload, 9);
  return bytes;
}

export const uint32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value >>> 0);
  return bytes;
};

export const settings = (...pairs: [name: number, value: number][]): Buffer =>
  frame(
    FrameType.Settings,
    0,
    0,
    Buffer.concat(pairs.map(([name, value]) => Buffer.concat([Buffer.from([0, name]), uint32(value)]))),
  );

export const windowUpdate = (id: number, increment: number): Buffer =>
  frame(FrameType.WindowUpdate, 0, id, uint32(increment));

/** A header block of literals that are not indexed. */
export function block(fields: readonly (readonly [name: string, value: string])[]): Buffer {
  const string = (text: string): Buffer => {
    const bytes = Buffer.from(text, 'latin1');
    if (bytes.length < 127) return Buffer.concat([Buffer.from([bytes.length]), bytes]);
    const length: number[] = [127];
    let rest = bytes.length - 127;
    for (; rest >= 128; rest >>>= 7) length.push((rest & 127) | 128);
    return Buffer.concat([Buffer.from([...length, rest]), bytes]);
  };
  return Buffer.concat(fields.map(([name, value]) => Buffer.concat([Buffer.from([0]), string(name), string(value)])));
}

export type Fields = readonly (readonly [name: string, value: string])[];

export const request = (path: string, more: Fields = []): Fields => [
  [':method', 'POST'],
  [':scheme', 'http'],
  [':path', path],
  ['content-type', 'application/grpc'],
  ['te', 'trailers'],
  ...more,
];

export const headers = (id: number, fields: Fields, flags: number = Flag.EndHeaders): Buffer =>
  frame(FrameType.Headers, flags, id, block(fields));

export const message = (text: string | Uint8Array, flag = 0): Buffer => {
  const body = Buffer.from(text as string);
  return Buffer.concat([Buffer.from([flag]), uint32(body.length), body]);
};

export const data = (id: number, payload: Uint8Array, flags: number = Flag.EndStream): Buffer =>
  frame(FrameType.Data, flags, id, payload);

/** A whole small call. */
export const call = (id: number, path: string, text = 'x'): Buffer =>
  Buffer.concat([headers(id, request(path)), data(id, message(text))]);

export function cut(bytes: Buffer): Frame[] {
  const frames: Frame[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = bytes.readUIntBE(at, 3);
    const payload = bytes.subarray(at + 9, at + 9 + length);
    frames.push({ type: bytes[at + 3]!, flags: bytes[at + 4]!, id: readUint32(bytes, at + 5), payload });
    at += 9 + length;
  }
  return frames;
}

/** A connection under test: `send` and see what it answers. */
export class Peer {
  readonly connection: Connection;
  readonly events: string[] = [];
  readonly broken: unknown[] = [];
  readonly shared: Shared;
  readonly decoder: HpackDecoder = new HpackDecoder({ maxTableBytes: 4096, maxListBytes: 1e6, maxFields: 1000 });
  nowMs = 1000;
  woken = 0;
  /** The socket takes nothing: what is congested stays so. */
  stuck = false;

  constructor(methods: Readonly<Record<string, Method>>, limits: Partial<GrpcLimits> = {}, greet = true) {
    const all = limitsOf(limits);
    const observer: ConnectionObserver = {
      opened: () => this.events.push('opened'),
      closed: (_peer, reason) => this.events.push(`closed: ${reason}`),
      refusedStream: () => this.events.push('refused'),
      guardTripped: (_peer, limit) => this.events.push(`guard: ${limit}`),
    };
    this.shared = {
      methods: new Map(Object.entries(methods)),
      unknownPath: (path) => ({ code: 12, details: `nobody serves ${path}` }),
      limits: all,
      messages: { maxReceiveBytes: all.maxReceiveBytes, maxInflateRatio: all.maxInflateRatio, inflate: nodeInflate },
      deadlines: new Deadlines(),
      pool: new BlockPool(),
      queued: new Budget(all.maxQueuedBytesOfAll),
      received: new Budget(all.maxReceivedBytesOfAll),
      observer,
      handlerBroke: (_path, error) => this.broken.push(error),
    };
    this.connection = new Connection({
      shared: this.shared,
      peer: 'test',
      nowMs: this.nowMs,
      wake: () => this.woken++,
    });
    if (greet) {
      this.send(Buffer.from(PREFACE), settings(), frame(FrameType.Settings, Flag.Ack, 0));
    }
  }

  /** The frames it answers with. */
  send(...bytes: Buffer[]): Frame[] {
    this.connection.receive(Buffer.concat(bytes), this.nowMs);
    return this.taken();
  }

  taken(): Frame[] {
    const frames: Frame[] = [];
    do {
      this.connection.taken();
      const { chunks, blocks } = this.connection.output.take();
      frames.push(...cut(Buffer.concat(chunks)));
      for (const each of blocks) this.shared.pool.give(each);
      if (this.connection.congested && !this.stuck) this.connection.congested = false;
    } while (this.connection.output.bytes > 0);
    return frames;
  }

  /** Lets time pass. */
  wait(ms: number, stepMs: number = ms): Frame[] {
    const frames: Frame[] = [];
    for (let left = ms; left > 0; left -= stepMs) {
      this.nowMs += Math.min(left, stepMs);
      this.shared.deadlines.advance(this.nowMs, (item) => (item as unknown as { expire(): void }).expire());
      this.connection.tick(this.nowMs);
      frames.push(...this.taken());
    }
    return frames;
  }

  /** A block it sent, decoded. Must be given every block, in order. */
  fields(sent: Frame): Record<string, string> {
    const { fields } = this.decoder.decode(sent.payload, 0, sent.payload.length);
    return Object.fromEntries(fields.map(({ name, value }) => [name, value]));
  }
}

const TYPES = Object.entries(FrameType);

/** `HEADERS 1`, `GOAWAY 1 text`, `RST_STREAM 1 8`: the frames in a line each. */
export function describe(frames: readonly Frame[]): string[] {
  return frames.map(({ type, id, payload, flags }) => {
    const name = TYPES.find(([, value]) => value === type)?.[0] ?? String(type);
    if (type === FrameType.GoAway) return `GoAway ${readUint32(payload, 4)}`;
    if (type === FrameType.RstStream) return `RstStream ${id} ${readUint32(payload, 0)}`;
    if (type === FrameType.WindowUpdate) return `WindowUpdate ${id} ${readUint32(payload, 0)}`;
    if (type === FrameType.Ping || type === FrameType.Settings) return `${name}${flags & Flag.Ack ? ' ack' : ''}`;
    return `${name} ${id}${flags & Flag.EndStream ? ' end' : ''}`;
  });
}
