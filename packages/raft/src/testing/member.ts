import { assert, type Random } from '@kontiki/std';
import { MemoryLog } from '../log/memory-log.js';
import { decodeChange } from '../membership/codec.js';
import type { Message } from '../message.js';
import type { RaftOptions } from '../options.js';
import { RawNode } from '../raw-node.js';
import type { Persist } from '../ready.js';
import type { ConfState, Entry, LogIndex, NodeId, Snapshot } from '../types.js';
import { describeConfState } from './describe.js';
import type { MemberView } from './invariants/invariant.js';
import { MemoryDisk } from './memory-disk.js';

/** What an entry leaves behind in the toy state machine: a running digest of everything applied. */
export function digestOf(before: number, entry: Entry): number {
  let hash = Math.imul(before ^ entry.index, 0x01000193) ^ Math.imul(entry.term, 0x9e3779b1) ^ entry.kind.length;
  for (const byte of entry.data) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}

interface Write {
  readonly persist: Persist | undefined;
  readonly after: readonly Message[];
}

type Application = { readonly entries: readonly Entry[] } | { readonly restore: Snapshot };

/**
 * A RawNode with a disk and a toy state machine whose work is done only when told to: what the node hands out waits in
 * `writes` and `applications`, so that a test decides what a crash loses and what overtakes what.
 */
export class Member {
  readonly id: NodeId;
  readonly raft: RaftOptions;
  node: RawNode;
  /** False between a crash and a restart. */
  up = true;
  /** Digest of everything applied, and up to where. */
  digest = 0;
  applied: LogIndex = 0;
  confState: ConfState;
  /** Confirmed reads that nobody took yet. */
  reads: { readonly context: Uint8Array; readonly index: LogIndex }[] = [];
  readonly writes: Write[] = [];
  readonly applications: Application[] = [];
  readonly #random: Random;
  readonly #send: (messages: readonly Message[]) => void;
  readonly #onApplied: (member: Member) => void;
  readonly #disk: MemoryDisk = new MemoryDisk();
  readonly #firstConfState: ConfState;
  #log: MemoryLog;

  constructor(options: {
    readonly raft: RaftOptions;
    readonly confState: ConfState;
    readonly random: Random;
    readonly send: (messages: readonly Message[]) => void;
    /** Called after each entry and each restored snapshot. */
    readonly onApplied?: (member: Member) => void;
  }) {
    this.id = options.raft.id;
    this.raft = options.raft;
    this.confState = options.confState;
    this.#firstConfState = options.confState;
    this.#random = options.random;
    this.#send = options.send;
    this.#onApplied = options.onApplied ?? (() => {});
    this.#log = new MemoryLog();
    this.node = this.#start();
  }

  get log(): MemoryLog {
    return this.#log;
  }

  /** Takes what the node hands out until it has nothing more. */
  pump(): void {
    for (let ready = this.node.ready(); ready !== undefined; ready = this.node.ready()) {
      this.#send(ready.messages);
      if (ready.persist !== undefined || ready.messagesAfterPersist.length > 0) {
        this.writes.push({ persist: ready.persist, after: ready.messagesAfterPersist });
      }
      if (ready.restore !== undefined) this.applications.push({ restore: ready.restore });
      if (ready.committed.length > 0) this.applications.push({ entries: ready.committed });
      this.reads.push(...ready.reads);
      if (ready.snapshotWanted) this.node.provideSnapshot(this.snapshot());
    }
  }

  /** The oldest write reaches the disk. */
  write(): void {
    const write = this.writes.shift();
    assert(write !== undefined, 'nothing waits to be written');
    const { persist, after } = write;
    if (persist !== undefined) {
      this.#disk.store(persist);
      if (persist.snapshot !== undefined) this.#log.reset(persist.snapshot.meta);
      this.#log.append(persist.entries);
      this.node.persisted(persist);
    }
    this.#send(after);
    this.pump();
  }

  /** The oldest batch is applied. */
  apply(): void {
    const application = this.applications.shift();
    assert(application !== undefined, 'nothing waits to be applied');
    if ('restore' in application) {
      this.#load(application.restore);
      this.#onApplied(this);
    } else {
      for (const entry of application.entries) {
        assert(entry.index === this.applied + 1, `entry ${entry.index} is applied after ${this.applied}`);
        this.digest = digestOf(this.digest, entry);
        if (entry.kind !== 'normal') {
          this.confState = this.node.applyChange(decodeChange(entry)).confState;
          // Who is a member is part of the state that must be the same everywhere.
          const members = new TextEncoder().encode(describeConfState(this.confState));
          this.digest = digestOf(this.digest, { ...entry, data: members });
        }
        this.applied = entry.index;
        this.#onApplied(this);
      }
    }
    this.node.applied(this.applied);
    this.pump();
  }

  /** The applied state. */
  snapshot(): Snapshot {
    const data = new Uint8Array(4);
    new DataView(data.buffer).setUint32(0, this.digest);
    return { meta: { index: this.applied, term: this.node.term(this.applied) ?? 0, confState: this.confState }, data };
  }

  /** Saves a snapshot and drops the log behind it, but for `keep` entries in memory. */
  compact(keep = 0): void {
    // A mark may not overtake batches that are on their way: it waits for none of them, so there must be none.
    while (this.writes.length > 0) this.write();
    const snapshot = this.snapshot();
    if (this.applied <= (this.#disk.snapshot?.meta.index ?? 0)) return;
    this.#disk.snapshot = snapshot;
    this.#disk.store({ entries: [], compacted: snapshot.meta, mustSync: true });
    this.#log.compact(this.applied, keep);
  }

  /** The process dies. Of what was being written, any part from the front may have made it; of the rest nothing. */
  crash(): void {
    const survived = this.#random.int(this.writes.length + 1);
    for (const { persist } of this.writes.slice(0, survived)) {
      if (persist !== undefined) this.#disk.store(persist);
    }
    const torn = this.writes[survived]?.persist;
    if (torn !== undefined && torn.entries.length > 0) {
      this.#disk.store(torn, this.#random.int(torn.entries.length));
    }
    this.writes.length = 0;
    this.applications.length = 0;
    this.reads = [];
    this.up = false;
  }

  /** A new process reads the disk. */
  restart(): void {
    const { snapshot } = this.#disk;
    this.#log = new MemoryLog(snapshot?.meta, this.#disk.recover().entries);
    if (snapshot === undefined) {
      this.digest = 0;
      this.applied = 0;
      this.confState = this.#firstConfState;
    } else {
      this.#load(snapshot);
    }
    this.node = this.#start();
    this.up = true;
    this.pump();
  }

  #load({ meta, data }: Snapshot): void {
    this.digest = new DataView(data.buffer, data.byteOffset).getUint32(0);
    this.applied = meta.index;
    this.confState = meta.confState;
  }

  #start(): RawNode {
    const { hardState } = this.#disk.recover();
    return new RawNode({
      raft: this.raft,
      random: this.#random,
      log: this.#log,
      ...(hardState && { hardState }),
      confState: this.confState,
      applied: this.applied,
    });
  }
}

/** A running member for {@link Invariant}s to look at. */
export function viewOf(member: Member): MemberView {
  const { node, applied, digest } = member;
  const { id, term, vote, role, commit, durable, first, last } = node.status();
  return {
    id,
    term,
    vote,
    role,
    commit,
    applied,
    durable,
    first,
    last,
    digest,
    termAt: (index) => node.term(index),
    entry: (index) => node.entries(index, index + 1)[0]!,
  };
}
