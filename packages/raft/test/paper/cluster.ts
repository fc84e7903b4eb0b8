import type { Random } from '@kontiki/std';
import type { Message, RaftOptions } from '../../src/index.js';
import { type Member, viewOf } from '../../src/testing/member.js';
import { Network } from '../../src/testing/network.js';

/** Election timeouts are exactly `electionTicks`; a crash loses what was not written. */
const unrandom: Random = { int: () => 0, bits64: () => 0n };

export const text = (data: Uint8Array): string => new TextDecoder().decode(data);
export const bytes = (data: string): Uint8Array => new TextEncoder().encode(data);

/** Members 1 to `size`, nobody leads yet. */
export function cluster(size: number, raft: Partial<RaftOptions> = {}): Network {
  const voters = Array.from({ length: size }, (_, i) => BigInt(i + 1));
  return new Network({ confState: { voters, learners: [] }, random: unrandom, raft });
}

/** The same, and member 1 leads. */
export function led(size: number, raft: Partial<RaftOptions> = {}): Network {
  const network = cluster(size, raft);
  elect(network, 1n);
  return network;
}

export function elect(network: Network, id: bigint): void {
  network.member(id).node.campaign();
  network.settle();
}

export function propose(network: Network, id: bigint, ...data: readonly string[]): void {
  network.member(id).node.propose(data.map(bytes));
  network.settle();
}

/** `index/term data` of the whole log. */
export function logOf(member: Member): readonly string[] {
  const { first, last } = member.node.status();
  return member.node
    .entries(first, last + 1)
    .map(({ index, term, data }) => `${index}/${term} ${text(data)}`.trimEnd());
}

export function roles(network: Network): readonly string[] {
  return network.running.map((member) => viewOf(member).role);
}

/** What `id` wants to send and waits to be delivered; takes it out of the network. */
export function sentBy(network: Network, id: bigint): readonly Message[] {
  const sent = network.inFlight.filter(({ from }) => from === id);
  network.inFlight.splice(0, network.inFlight.length, ...network.inFlight.filter(({ from }) => from !== id));
  return sent;
}

/** Hands a message to a member as if it had come over the wire. */
export function inject(network: Network, message: Message): void {
  const member = network.member(message.to);
  member.node.step(message);
  member.pump();
}
