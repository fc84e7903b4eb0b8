import type { Logger } from '@kontiki/std';
import { type InitialCluster, parseInitialCluster } from '../config/bootstrap.js';
import { clusterId, hexId, memberId, type Sha1 } from './member-id.js';

/** A member as another one describes it. */
export interface KnownMember {
  readonly id: bigint;
  readonly name: string;
  readonly peerUrls: readonly string[];
  readonly clientUrls: readonly string[];
}

/** What a member without data begins with. */
export interface Beginning {
  readonly memberId: bigint;
  readonly clusterId: bigint;
  /** Who founds the cluster; nobody when it exists already. */
  readonly founders: readonly { readonly id: bigint; readonly name: string; readonly peerUrls: readonly string[] }[];
  /** Whom a member that joins can reach before its leader has told it. */
  readonly known: readonly KnownMember[];
}

export interface FoundingOptions {
  readonly name: string;
  /** `name=url` pairs. */
  readonly initialCluster: string;
  readonly state: 'new' | 'existing';
  readonly token: string;
  readonly sha1: Sha1;
  readonly logger: Logger;
  /** The cluster as one of its members knows it; rejects when that one cannot be asked. */
  membersOf(
    peerUrls: readonly string[],
  ): Promise<{ readonly clusterId: bigint; readonly members: readonly KnownMember[] }>;
  /** URLs with their hosts as addresses; what cannot be resolved stays as it is. */
  resolve(urls: readonly string[]): Promise<readonly string[]>;
}

/** A cluster that cannot be founded or joined as the flags say. */
export class FoundingError extends Error {
  override readonly name = 'FoundingError';
}

/**
 * Whom a member without data belongs to: the founders of a new cluster, or one that exists.
 *
 * A member that was started before and lost its data is sent away under either: it does not remember what it voted for
 * and what it acknowledged, so it may only come back under a new id.
 * @throws FoundingError what is wrong, and what to do
 */
export async function begin(options: FoundingOptions): Promise<Beginning> {
  const parsed = parseInitialCluster(options.initialCluster);
  if ('problem' in parsed) throw new FoundingError(parsed.problem);
  const cluster = parsed.value;
  if (!cluster.has(options.name)) {
    throw new FoundingError(`couldn't find local name "${options.name}" in the initial cluster configuration`);
  }
  return options.state === 'new' ? found(cluster, options) : join(cluster, options);
}

async function found(cluster: InitialCluster, options: FoundingOptions): Promise<Beginning> {
  const { sha1, name, token } = options;
  const founders = [...cluster].map(([name, urls]) => {
    const peerUrls = urls.map(({ text }) => text);
    return { id: memberId(peerUrls, token, sha1), name, peerUrls };
  });
  const self = founders.find((founder) => founder.name === name)!;
  const others = founders.filter((founder) => founder !== self).map(({ peerUrls }) => peerUrls);
  const running = await firstAnswer(others, options);
  const before = running?.members.find(({ id }) => id === self.id);
  if (before !== undefined && wasStarted(before)) throw alreadyBootstrapped(self.id);
  const ids = founders.map(({ id }) => id);
  return { memberId: self.id, clusterId: clusterId(ids, sha1), founders, known: [] };
}

async function join(cluster: InitialCluster, options: FoundingOptions): Promise<Beginning> {
  const others = [...cluster].filter(([name]) => name !== options.name);
  const running = await firstAnswer(
    others.map(([, urls]) => urls.map(({ text }) => text)),
    options,
  );
  if (running === undefined) {
    throw new FoundingError(
      'cannot fetch cluster info from peer urls: could not retrieve cluster information from the given URLs',
    );
  }
  const self = await matchMembers(cluster, running.members, options);
  if (wasStarted(self)) throw alreadyBootstrapped(self.id);
  const known = running.members.filter(({ id }) => id !== self.id);
  return { memberId: self.id, clusterId: running.clusterId, founders: [], known };
}

/** The members the flags name must be those the cluster has. @returns this one, as the cluster has it */
async function matchMembers(
  cluster: InitialCluster,
  members: readonly KnownMember[],
  { name, resolve }: FoundingOptions,
): Promise<KnownMember> {
  const problem = (what: string): FoundingError =>
    new FoundingError(
      `error validating peerURLs: ${what}. --initial-cluster must name every member as "member add" printed it, ` +
        'this one included',
    );
  if (members.length !== cluster.size) {
    throw problem(`member count is unequal: the cluster has ${members.length}, --initial-cluster ${cluster.size}`);
  }
  const canonical = async (urls: readonly string[]): Promise<string> => [...(await resolve(urls))].sort().join(',');
  const theirs = new Map(
    await Promise.all(members.map(async (member) => [await canonical(member.peerUrls), member] as const)),
  );
  let self: KnownMember | undefined;
  for (const [listed, urls] of cluster) {
    const texts = urls.map(({ text }) => text);
    const member = theirs.get(await canonical(texts));
    if (member === undefined) throw problem(`unmatched member while checking PeerURLs (${texts.join(',')})`);
    if (listed === name) self = member;
  }
  return self!;
}

/** Everybody is asked at once: most of them may be down. */
async function firstAnswer(
  others: readonly (readonly string[])[],
  { membersOf, logger }: FoundingOptions,
): Promise<Awaited<ReturnType<FoundingOptions['membersOf']>> | undefined> {
  const asked = others.map(async (urls) => {
    try {
      return await membersOf(urls);
    } catch (error) {
      logger.info('a member could not be asked about the cluster', { urls: urls.join(','), error: String(error) });
      throw error;
    }
  });
  return Promise.any(asked).catch(() => undefined);
}

function wasStarted({ clientUrls }: KnownMember): boolean {
  return clientUrls.length > 0;
}

function alreadyBootstrapped(id: bigint): FoundingError {
  return new FoundingError(
    `member ${hexId(id)} has already been bootstrapped: it has run in this cluster and its data is gone. ` +
      'Remove it, and add it anew with an empty data directory',
  );
}
