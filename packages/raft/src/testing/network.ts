import type { Random } from '@kontiki/std';
import type { Message } from '../message.js';
import type { RaftOptions } from '../options.js';
import type { ConfState, NodeId } from '../types.js';
import { Member } from './member.js';

/**
 * Members joined by wires that can be cut: no time, no promises. Messages wait in `inFlight` until they are delivered,
 * in order by {@link settle}, or one by one in any order by {@link deliver}.
 */
export class Network {
  readonly members: Map<NodeId, Member> = new Map();
  readonly inFlight: Message[] = [];
  /** Messages that were sent over a cut wire, or to nobody. */
  lost = 0;
  readonly #options: {
    readonly confState: ConfState;
    readonly random: Random;
    readonly raft?: Partial<RaftOptions>;
    readonly onApplied?: (member: Member) => void;
  };
  readonly #cut: Set<string> = new Set();
  /** Members whose disk, or whose state machine, is held up. */
  readonly #stalledDisks: Set<NodeId> = new Set();
  /** Sees every message as it is delivered. */
  onDeliver: (message: Message) => void = () => {};
  /** Decides whether a message gets lost although its wire is whole. */
  loses: (message: Message) => boolean = () => false;

  constructor(options: {
    /** The members it starts with. */
    readonly confState: ConfState;
    readonly random: Random;
    /** Options of every member. */
    readonly raft?: Partial<RaftOptions>;
    readonly onApplied?: (member: Member) => void;
  }) {
    this.#options = options;
    for (const id of [...options.confState.voters, ...options.confState.learners]) this.add(id, options.confState);
  }

  /** A member that starts with an empty log, and with the members the network began with: the rest it is told. */
  add(id: NodeId, confState: ConfState = this.#options.confState): Member {
    const { raft, random, onApplied } = this.#options;
    const member = new Member({
      raft: { ...raft, id },
      confState,
      random,
      send: (messages) => this.inFlight.push(...messages),
      ...(onApplied && { onApplied }),
    });
    this.members.set(id, member);
    return member;
  }

  member(id: NodeId): Member {
    const member = this.members.get(id);
    if (member === undefined) throw new RangeError(`there is no member ${id}`);
    return member;
  }

  get running(): readonly Member[] {
    return [...this.members.values()].filter(({ up }) => up);
  }

  /** Nothing gets from `from` to `to` any more. */
  cutWire(from: NodeId, to: NodeId): void {
    this.#cut.add(`${from}>${to}`);
  }

  /** Nothing gets to or from these members, except among themselves. */
  isolate(...ids: readonly NodeId[]): void {
    for (const inside of ids) {
      for (const outside of this.members.keys()) {
        if (ids.includes(outside)) continue;
        this.cutWire(inside, outside);
        this.cutWire(outside, inside);
      }
    }
  }

  heal(): void {
    this.#cut.clear();
  }

  stallDisk(id: NodeId): void {
    this.#stalledDisks.add(id);
  }

  resumeDisk(id: NodeId): void {
    this.#stalledDisks.delete(id);
  }

  /** Delivers the `at`-th message in flight, or loses it when its wire is cut or nobody is there. */
  deliver(at = 0): void {
    const [message] = this.inFlight.splice(at, 1);
    if (message === undefined) return;
    this.#hand(message);
  }

  /** Loses the `at`-th message in flight. */
  drop(at: number): void {
    const [message] = this.inFlight.splice(at, 1);
    if (message !== undefined) this.#lose(message);
  }

  /** Delivers it a second time, and leaves the first in flight. */
  duplicate(at: number): void {
    const message = this.inFlight[at];
    if (message !== undefined) this.#hand(message);
  }

  /** Everything written, delivered and applied that can be, in order, until nothing moves. */
  settle(maxSteps = 100_000): void {
    for (const member of this.running) member.pump();
    for (let steps = 0; this.round(); steps++) {
      if (steps > maxSteps) throw new Error(`still moving after ${maxSteps} steps`);
    }
  }

  /** Ticks `id` so often; with nothing else given, everybody once, settling after each tick. */
  tick(id: NodeId, count = 1): void {
    for (let i = 0; i < count; i++) {
      this.member(id).node.tick();
      this.settle();
    }
  }

  /** Writes and applies what waits, and delivers once what is in flight then. False: there was nothing. */
  round(): boolean {
    let moved = false;
    for (const member of this.running) {
      while (member.writes.length > 0 && !this.#stalledDisks.has(member.id)) {
        member.write();
        moved = true;
      }
      while (member.applications.length > 0) {
        member.apply();
        moved = true;
      }
    }
    const sent = this.inFlight.length;
    for (let i = 0; i < sent; i++) this.deliver();
    return moved || sent > 0;
  }

  #hand(message: Message): void {
    const { from, to } = message;
    const member = this.members.get(to);
    if (member?.up !== true || this.#cut.has(`${from}>${to}`) || this.loses(message)) {
      this.#lose(message);
      return;
    }
    this.onDeliver(message);
    member.node.step(message);
    member.pump();
    if (message.type === 'snapshot') this.#reportSnapshot(message, true);
  }

  #lose(message: Message): void {
    this.lost++;
    if (message.type === 'snapshot') this.#reportSnapshot(message, false);
  }

  #reportSnapshot({ from, to }: Message, delivered: boolean): void {
    const sender = this.members.get(from);
    if (sender?.up !== true) return;
    sender.node.reportSnapshot(to, delivered);
    sender.pump();
  }
}
