import type { Backend } from '@kontiki/mvcc';
import { hexId } from '../../cluster/member-id.js';
import type { Member, MemberStore } from '../../cluster/members.js';

const MEMBERS = 'members';
const CLUSTER = 'cluster';
const CLUSTER_VERSION = new TextEncoder().encode('clusterVersion');

/** As etcd writes a member: keys in this order, empty ones left out. */
interface StoredMember {
  readonly id: string;
  readonly peerURLs: readonly string[];
  readonly isLearner?: boolean;
  readonly name?: string;
  readonly clientURLs?: readonly string[];
}

/** The `members` and `cluster` tables: a JSON document per member under its id in hexadecimal, and the cluster version. */
export class MembersTable implements MemberStore {
  readonly #backend: Backend;

  constructor(backend: Backend) {
    this.#backend = backend;
  }

  async load(): Promise<{ members: readonly Member[]; clusterVersion: string | undefined }> {
    const members: Member[] = [];
    for await (const chunk of this.#backend.scan(MEMBERS)) {
      for (const [key, value] of chunk) members.push(decodeMember(key, value));
    }
    const version = this.#backend.get(CLUSTER, CLUSTER_VERSION);
    return { members, clusterVersion: version === undefined ? undefined : new TextDecoder().decode(version) };
  }

  saveMember(member: Member): void {
    this.#backend.put(MEMBERS, new TextEncoder().encode(hexId(member.id)), encodeMember(member));
  }

  saveClusterVersion(version: string): void {
    this.#backend.put(CLUSTER, CLUSTER_VERSION, new TextEncoder().encode(version));
  }
}

/** The id is a JSON number there, too large for one of ours: it is taken from the key and spliced in as text. */
function encodeMember(member: Member): Uint8Array {
  const rest: Omit<StoredMember, 'id'> = {
    peerURLs: member.peerUrls,
    ...(member.isLearner && { isLearner: true }),
    ...(member.name !== '' && { name: member.name }),
    ...(member.clientUrls.length > 0 && { clientURLs: member.clientUrls }),
  };
  return new TextEncoder().encode(`{"id":${member.id},${JSON.stringify(rest).slice(1)}`);
}

function decodeMember(key: Uint8Array, value: Uint8Array): Member {
  const stored = JSON.parse(new TextDecoder().decode(value)) as StoredMember;
  return {
    id: BigInt(`0x${new TextDecoder().decode(key)}`),
    peerUrls: stored.peerURLs,
    isLearner: stored.isLearner ?? false,
    name: stored.name ?? '',
    clientUrls: stored.clientURLs ?? [],
  };
}
