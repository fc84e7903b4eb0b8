import { MvccError } from '@kontiki/mvcc';
import { hexId } from '../cluster/member-id.js';
import { type HttpAnswer, type HttpHandler, onlyGet, readingBody, textAnswer } from '../http/answer.js';
import { textBetweenMembers } from './remote-text.js';

export interface HashKvPorts {
  readonly clusterId: bigint;
  /** Of the history up to `revision`, 0 for all of it. Rejects MvccError COMPACTED, FUTURE_REVISION. */
  hash(revision: number): Promise<{
    readonly hash: number;
    readonly compactRevision: number;
    readonly hashRevision: number;
  }>;
  /** The current one. */
  revision(): number;
}

/** `/members/hashkv`: a GET with a body of JSON, `{"revision":5}`, as members compare their data. */
export function hashKvHandler(ports: HashKvPorts): HttpHandler {
  const clusterId = hexId(ports.clusterId);
  const answer: HttpHandler = async ({ headers, body }): Promise<HttpAnswer> => {
    const asked = headers['x-etcd-cluster-id'] ?? '';
    if (asked !== '' && asked !== clusterId) return textAnswer(412, 'cluster ID mismatch');
    const revision = revisionIn(body);
    if (revision === undefined) return textAnswer(400, 'error unmarshalling request');
    try {
      const { hash, compactRevision, hashRevision } = await ports.hash(revision);
      // Zeros are left out, as protobuf's JSON has it.
      const reply = {
        header: { revision: ports.revision() || undefined },
        hash: hash || undefined,
        compact_revision: compactRevision || undefined,
        hash_revision: hashRevision || undefined,
      };
      return {
        status: 200,
        headers: { 'Content-Type': 'application/json', 'X-Etcd-Cluster-ID': clusterId },
        body: JSON.stringify(reply),
      };
    } catch (error) {
      if (!(error instanceof MvccError)) throw error;
      if (error.code === 'COMPACTED') return textAnswer(400, textBetweenMembers('Compacted'));
      if (error.code === 'FUTURE_REVISION') return textAnswer(400, textBetweenMembers('FutureRev'));
      throw error;
    }
  };
  return readingBody(onlyGet(answer));
}

function revisionIn(body: Uint8Array): number | undefined {
  try {
    const value = JSON.parse(new TextDecoder().decode(body)) as { readonly revision?: unknown } | null;
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
    const { revision = 0 } = value;
    return Number.isSafeInteger(revision) ? (revision as number) : undefined;
  } catch {
    // Not JSON: as good as no number.
    return undefined;
  }
}
