import { rpc } from '@kontiki/proto';

/** What every response header says about the member that answers. */
export interface HeaderSource {
  readonly clusterId: bigint;
  readonly memberId: bigint;
  /** This member's term now. */
  term(): number;
  /** This member's revision now. */
  revision(): number;
}

/** The header of an answer. `revision` of 0 (or left out) becomes the current one. */
export function header(source: HeaderSource, revision = 0): rpc.ResponseHeader {
  return {
    clusterId: source.clusterId,
    memberId: source.memberId,
    revision: revision === 0 ? source.revision() : revision,
    raftTerm: source.term(),
  };
}

/** The header of answers about the cluster, which carry no revision. */
export function clusterHeader(source: HeaderSource): rpc.ResponseHeader {
  return { clusterId: source.clusterId, memberId: source.memberId, revision: 0, raftTerm: source.term() };
}

/** The header as the first field of a response: what of it never changes is encoded once. */
export class HeaderField {
  readonly #source: HeaderSource;
  /** Cluster and member. */
  readonly #identity: Uint8Array;

  constructor(source: HeaderSource) {
    this.#source = source;
    const { clusterId, memberId } = source;
    this.#identity = rpc.ResponseHeader.encode({ clusterId, memberId, revision: 0, raftTerm: 0 }).finish();
  }

  /** Tag, length and header. `revision` of 0 (or left out) becomes the current one. */
  encode(revision = 0): Uint8Array {
    const identity = this.#identity;
    const bytes = new Uint8Array(identity.length + MAX_REST_BYTES);
    bytes.set(identity, 2);
    let at = 2 + identity.length;
    at = number(bytes, at, REVISION_TAG, revision === 0 ? this.#source.revision() : revision);
    at = number(bytes, at, TERM_TAG, this.#source.term());
    bytes[0] = HEADER_TAG;
    bytes[1] = at - 2;
    return bytes.subarray(0, at);
  }
}

const HEADER_TAG = 0x0a;
const REVISION_TAG = 0x18;
const TERM_TAG = 0x20;
/** Tag and length, and two numbers of up to 53 bits with their tags. */
const MAX_REST_BYTES = 2 + 2 * (1 + 8);

function number(bytes: Uint8Array, start: number, tag: number, value: number): number {
  if (value === 0) return start;
  let at = start;
  bytes[at++] = tag;
  let rest = value;
  while (rest >= 0x80) {
    bytes[at++] = (rest & 0x7f) | 0x80;
    rest = Math.floor(rest / 0x80);
  }
  bytes[at++] = rest;
  return at;
}
