import type { Backend } from '@kontiki/mvcc';
import { describeMember } from '../../cluster/member-change.js';
import { hexId } from '../../cluster/member-id.js';
import type { Member, MemberStore, SavedMembers } from '../../cluster/members.js';

const MEMBERS = 'members';
const REMOVED = 'members_removed';
const CLUSTER = 'cluster';
const CLUSTER_VERSION = new TextEncoder().encode('clusterVersion');
/** What etcd writes beside an id that was removed. */
const GONE = new TextEncoder().encode('removed');

interface StoredMember {
  readonly peerURLs: readonly string[] | null;
  readonly isLearner?: boolean;
  readonly name?: string;
  readonly clientURLs?: readonly string[];
}

/**
 * The `members`, `members_removed` and `cluster` tables: a JSON document per member under its id in hexadecimal, the ids
 * that are gone for good, and the cluster version.
 */
export class MembersTable implements MemberStore {
  readonly #backend: Backend;

  constructor(backend: Backend) {
    this.#backend = backend;
  }

  /** As of this call. */
  async load(): Promise<SavedMembers> {
    const version = this.#backend.get(CLUSTER, CLUSTER_VERSION);
    const present = this.#backend.scan(MEMBERS);
    const gone = this.#backend.scan(REMOVED);
    const members: Member[] = [];
    for await (const chunk of present) {
      for (const [key, value] of chunk) members.push(decodeMember(key, value));
    }
    const removed: bigint[] = [];
    for await (const chunk of gone) {
      for (const [key] of chunk) removed.push(decodeId(key));
    }
    return { members, removed, clusterVersion: version === undefined ? undefined : new TextDecoder().decode(version) };
  }

  saveMember(member: Member): void {
    this.#backend.put(MEMBERS, encodeId(member.id), new TextEncoder().encode(describeMember(member)));
  }

  removeMember(id: bigint): void {
    this.#backend.delete(MEMBERS, encodeId(id));
    this.#backend.put(REMOVED, encodeId(id), GONE);
  }

  saveClusterVersion(version: string): void {
    this.#backend.put(CLUSTER, CLUSTER_VERSION, new TextEncoder().encode(version));
  }
}

function encodeId(id: bigint): Uint8Array {
  return new TextEncoder().encode(hexId(id));
}

function decodeId(key: Uint8Array): bigint {
  return BigInt(`0x${new TextDecoder().decode(key)}`);
}

function decodeMember(key: Uint8Array, value: Uint8Array): Member {
  const stored = JSON.parse(new TextDecoder().decode(value)) as StoredMember;
  return {
    id: decodeId(key),
    peerUrls: stored.peerURLs ?? [],
    isLearner: stored.isLearner ?? false,
    name: stored.name ?? '',
    clientUrls: stored.clientURLs ?? [],
  };
}
