import type { request as systemRequest } from 'node:http';
import { lease, rpc } from '@kontiki/proto';
import type { Clock, Logger } from '@kontiki/std';
import { hexId } from '../cluster/member-id.js';
import { type Condition, ServerError } from '../errors.js';
import { type RemoteAnswer, type RemoteCall, RemoteCaller } from './remote-call.js';
import { RemoteError } from './remote-error.js';
import { idOf, parseJson } from './remote-json.js';
import { conditionIn } from './remote-text.js';

/** A member as another one describes it. */
export interface RemoteMember {
  readonly id: bigint;
  /** Empty until it has started once. */
  readonly name: string;
  readonly peerUrls: readonly string[];
  /** Empty until it has started once. */
  readonly clientUrls: readonly string[];
  readonly isLearner: boolean;
}

export interface RemoteMembers {
  readonly clusterId: bigint;
  readonly members: readonly RemoteMember[];
}

export interface RemoteVersion {
  /** Of the program: major.minor.patch. */
  readonly server: string;
  /** That the cluster has agreed on; `not_decided` before. */
  readonly cluster: string;
}

/** What a lease has left, and what hangs on it. */
export type RemoteLease = Pick<rpc.LeaseTimeToLiveResponse, 'ID' | 'TTL' | 'grantedTTL' | 'keys'>;

export interface RemoteHash {
  /** CRC-32C of the history up to `hashRevision`. */
  readonly hash: number;
  /** Hashes compare only where this is equal. */
  readonly compactRevision: number;
  /** 0: told by a member of a version that does not say it. */
  readonly hashRevision: number;
  /** That member's current revision. */
  readonly revision: number;
}

export interface RemoteOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  /**
   * Ours; undefined while there is none: a joining member does not know it yet. Without it whoever listens at a member's
   * address is taken for it.
   */
  readonly clusterId?: () => bigint | undefined;
  readonly request?: typeof systemRequest;
}

const MAX_BYTES = 2 ** 20;
const MAX_MEMBERS_BYTES = 16 * 2 ** 20;
const NO_SUCH_LEASE = 'lease not found';

/**
 * Asks other members what raft does not carry, at their peer addresses. All calls: `peerUrls` are those of one member,
 * tried in turn; what they throw is RemoteError, or ServerError where the member named a condition of etcd's.
 */
export class Remote {
  readonly #caller: RemoteCaller;
  readonly #logger: Logger;
  readonly #clusterId: () => bigint | undefined;

  constructor(options: RemoteOptions) {
    this.#caller = new RemoteCaller(options);
    this.#logger = options.logger;
    this.#clusterId = options.clusterId ?? (() => undefined);
  }

  /** The members as that one knows them, and which cluster it is: the one call that is for strangers too. */
  async members(peerUrls: readonly string[], timeoutMs: number): Promise<RemoteMembers> {
    const answer = await this.#get(peerUrls, '/members', timeoutMs, MAX_MEMBERS_BYTES);
    const { clusterId } = answer;
    if (clusterId === undefined || !/^[0-9a-f]{1,16}$/i.test(clusterId)) {
      throw malformed(answer, 'it does not say which cluster it is of');
    }
    return { clusterId: BigInt(`0x${clusterId}`), members: membersIn(answer) };
  }

  async version(peerUrls: readonly string[], timeoutMs: number): Promise<RemoteVersion> {
    const answer = await this.#get(peerUrls, '/version', timeoutMs, MAX_BYTES);
    const { etcdserver, etcdcluster } = objectIn(answer);
    if (typeof etcdserver !== 'string' || typeof etcdcluster !== 'string') throw malformed(answer, 'no version');
    return { server: etcdserver, cluster: etcdcluster };
  }

  /**
   * Has the leader renew a lease.
   * @returns its TTL in seconds; 0: there is no such lease, or none any more
   * @throws ServerError TimeoutWaitAppliedIndex. What else keeps the leader from answering (it leads no more, it stops)
   * is a RemoteError: another may answer.
   */
  async renewLease(peerUrls: readonly string[], id: bigint, timeoutMs: number, signal?: AbortSignal): Promise<number> {
    const body = rpc.LeaseKeepAliveRequest.encode({ ID: id }).finish();
    const answer = await this.#post(peerUrls, '/leases', body, { timeoutMs, signal, repeatable: true });
    if (isGone(answer)) return 0;
    this.#mustBeOk(answer, timeout(answer));
    const reply = decoded(answer, rpc.LeaseKeepAliveResponse);
    if (reply.ID !== id) throw malformed(answer, 'it is about another lease');
    return reply.TTL;
  }

  /**
   * @returns undefined when the leader knows no such lease
   * @throws as `renewLease` does
   */
  async leaseTimeToLive(
    peerUrls: readonly string[],
    { id, keys }: { readonly id: bigint; readonly keys: boolean },
    timeoutMs: number,
  ): Promise<RemoteLease | undefined> {
    const LeaseTimeToLiveRequest = { ID: id, keys };
    const body = lease.LeaseInternalRequest.encode({ LeaseTimeToLiveRequest }).finish();
    const answer = await this.#post(peerUrls, '/leases/internal', body, { timeoutMs, repeatable: true });
    if (isGone(answer)) return undefined;
    this.#mustBeOk(answer, timeout(answer));
    const { LeaseTimeToLiveResponse: reply } = decoded(answer, lease.LeaseInternalResponse);
    if (reply?.ID !== id) throw malformed(answer, 'it is about another lease');
    const { ID, TTL, grantedTTL, keys: attached } = reply;
    return { ID, TTL, grantedTTL, keys: attached };
  }

  /**
   * Has the leader give a learner its vote.
   * @returns all members, as they are then
   * @throws ServerError MemberNotFound, MemberNotLearner, LearnerNotReady, and what else forbids it; RemoteError when
   * that member does not lead
   */
  async promote(peerUrls: readonly string[], id: bigint, timeoutMs: number): Promise<readonly RemoteMember[]> {
    // To promote twice is to be told that there is no such learner.
    const answer = await this.#post(peerUrls, `/members/promote/${id}`, undefined, { timeoutMs, repeatable: false });
    this.#mustBeOk(answer, named(answer));
    return membersIn(answer);
  }

  /**
   * Only of a member of our own cluster, and so of nobody before we know which that is: a stranger at its address has
   * other data, and would be taken for corrupt.
   * @param revision 0: that member's current one
   * @throws ServerError Compacted, FutureRev
   */
  async hashKv(peerUrls: readonly string[], revision: number, timeoutMs: number): Promise<RemoteHash> {
    const own = this.#clusterId();
    if (own === undefined) throw new RemoteError('REMOTE_OTHER_CLUSTER', 'this member does not know its own cluster');
    const answer = await this.#caller.call(peerUrls, {
      method: 'GET',
      path: '/members/hashkv',
      headers: { ...this.#headers(), 'Content-Type': 'application/json' },
      body: new TextEncoder().encode(JSON.stringify({ revision })),
      timeoutMs,
      maxBytes: MAX_BYTES,
      repeatable: true,
    });
    this.#mustBeOk(answer, named(answer));
    if (answer.clusterId !== hexId(own)) throw otherCluster(answer);
    const { header, hash = 0, compact_revision = 0, hash_revision = 0 } = objectIn(answer);
    const { revision: current = 0 } = (header ?? {}) as Readonly<Record<string, unknown>>;
    const [value, compactRevision, hashRevision, ownRevision] = [hash, compact_revision, hash_revision, current].map(
      (number) => {
        if (!Number.isSafeInteger(number)) throw malformed(answer, 'a hash without its numbers');
        return number as number;
      },
    ) as [number, number, number, number];
    return { hash: value, compactRevision, hashRevision, revision: ownRevision };
  }

  /** Closes the connections that are kept for the next call. */
  close(): void {
    this.#caller.close();
  }

  async #get(peerUrls: readonly string[], path: string, timeoutMs: number, maxBytes: number): Promise<RemoteAnswer> {
    const headers = this.#headers();
    const answer = await this.#caller.call(peerUrls, {
      method: 'GET',
      path,
      headers,
      timeoutMs,
      maxBytes,
      repeatable: true,
    });
    this.#mustBeOk(answer);
    return answer;
  }

  #post(
    peerUrls: readonly string[],
    path: string,
    body: Uint8Array | undefined,
    how: Pick<RemoteCall, 'timeoutMs' | 'repeatable' | 'signal'>,
  ): Promise<RemoteAnswer> {
    const headers = { ...this.#headers(), 'Content-Type': 'application/protobuf' };
    const bytes = body ?? new Uint8Array(0);
    return this.#caller.call(peerUrls, { method: 'POST', path, headers, body: bytes, maxBytes: MAX_BYTES, ...how });
  }

  #headers(): Readonly<Record<string, string>> {
    const id = this.#clusterId();
    return id === undefined ? {} : { 'X-Etcd-Cluster-ID': hexId(id) };
  }

  /**
   * Lets pass what our own cluster says and what says yes.
   * @param condition what a no is about, where it is an answer to the question; undefined: it could not be answered there
   */
  #mustBeOk(answer: RemoteAnswer, condition?: Condition): void {
    const own = this.#clusterId();
    if (own !== undefined && answer.clusterId !== undefined && answer.clusterId !== hexId(own)) {
      this.#logger.warn('a member answered for another cluster', {
        url: answer.url,
        'local-cluster-id': hexId(own),
        'remote-cluster-id': answer.clusterId,
      });
      throw otherCluster(answer);
    }
    if (answer.status === 200) return;
    const text = textIn(answer);
    if (answer.status === 412 && /cluster ID mismatch/i.test(text)) throw otherCluster(answer);
    if (condition !== undefined) throw new ServerError(condition);
    throw new RemoteError('REMOTE_REFUSED', `${answer.url}: ${answer.status} ${text}`);
  }
}

/** Any server says 404 to a path it does not know: a lease is gone only when it is said of the lease. */
function isGone(answer: RemoteAnswer): boolean {
  return answer.status === 404 && textIn(answer).includes(NO_SUCH_LEASE);
}

/** The leader did not get round to it: as good an answer as it had given itself. */
function timeout({ status }: RemoteAnswer): Condition | undefined {
  return status === 408 ? 'TimeoutWaitAppliedIndex' : undefined;
}

/** A member that does not lead has not answered. */
function named(answer: RemoteAnswer): Condition | undefined {
  const condition = conditionIn(textIn(answer));
  return condition === 'NotLeader' ? undefined : condition;
}

function membersIn(answer: RemoteAnswer): readonly RemoteMember[] {
  const list = jsonIn(answer);
  if (!Array.isArray(list)) throw malformed(answer, 'not a list of members');
  return list.map((value: unknown) => {
    const { id, name, peerURLs, clientURLs, isLearner } = (value ?? {}) as Readonly<Record<string, unknown>>;
    const memberId = idOf(id);
    if (memberId === undefined) throw malformed(answer, 'a member without an id');
    return {
      id: memberId,
      name: typeof name === 'string' ? name : '',
      peerUrls: texts(peerURLs),
      clientUrls: texts(clientURLs),
      isLearner: isLearner === true,
    };
  });
}

function texts(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((one) => typeof one === 'string') : [];
}

function objectIn(answer: RemoteAnswer): Readonly<Record<string, unknown>> {
  const value = jsonIn(answer);
  if (typeof value !== 'object' || value === null) throw malformed(answer, 'not a JSON object');
  return value as Readonly<Record<string, unknown>>;
}

function jsonIn(answer: RemoteAnswer): unknown {
  try {
    return parseJson(new TextDecoder().decode(answer.body));
  } catch (error) {
    throw malformed(answer, 'not JSON', error);
  }
}

function decoded<T>(answer: RemoteAnswer, type: { decode(bytes: Uint8Array): T }): T {
  try {
    return type.decode(answer.body);
  } catch (error) {
    throw malformed(answer, 'not the message it should be', error);
  }
}

/** One line of modest length, whatever was sent. */
function textIn({ body }: RemoteAnswer): string {
  return new TextDecoder().decode(body.subarray(0, 1024)).replace(/\s+/g, ' ').trim();
}

function malformed({ url }: RemoteAnswer, reason: string, cause?: unknown): RemoteError {
  return new RemoteError('REMOTE_MALFORMED', `${url} gave an answer that cannot be used: ${reason}`, { cause });
}

function otherCluster({ url }: RemoteAnswer): RemoteError {
  return new RemoteError('REMOTE_OTHER_CLUSTER', `${url} belongs to another cluster`);
}
