import type { rpc } from '@kontiki/proto';

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
