import type { ServerOptions } from './options.js';
import type { Parsed } from './parsed.js';
import { type EndpointUrl, parseUrls } from './urls.js';

/** Members a cluster starts with: name to peer URLs, sorted. */
export type InitialCluster = ReadonlyMap<string, readonly EndpointUrl[]>;

/**
 * `a=http://10.0.0.1:2380,b=http://10.0.0.2:2380`; a name may come several times, once for each of its URLs. A URL that
 * comes twice is a mistake: two members cannot be reached at one address.
 */
export function parseInitialCluster(text: string): Parsed<InitialCluster> {
  const texts = new Map<string, string[]>();
  for (const part of text.split(',').filter((piece) => piece.trim() !== '')) {
    const equals = part.indexOf('=');
    const name = (equals < 0 ? part : part.slice(0, equals)).trim();
    const url = equals < 0 ? '' : part.slice(equals + 1).trim();
    if (url === '') return { problem: `error setting up initial cluster: expected name=url instead of ${part.trim()}` };
    texts.set(name, [...(texts.get(name) ?? []), url]);
  }
  const cluster = new Map<string, readonly EndpointUrl[]>();
  const seen = new Set<string>();
  let listed = 0;
  for (const [name, list] of [...texts].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const parsed = parseUrls(list.join(','));
    if ('problem' in parsed) return { problem: `error setting up initial cluster: ${parsed.problem}` };
    const problem = urlProblem(parsed.value);
    if (problem !== undefined) return { problem: `error setting up initial cluster: ${problem}` };
    listed += list.length;
    for (const url of parsed.value) seen.add(url.text);
    cluster.set(name, parsed.value);
  }
  if (seen.size < listed) {
    const pairs = [...texts].flatMap(([name, list]) => list.map((url) => `${name}=${url}`));
    return { problem: `initial cluster ${pairs.sort().join(',')} has duplicate url` };
  }
  return { value: cluster };
}

/** Why nobody could be reached at one of these, or undefined. */
function urlProblem(urls: readonly EndpointUrl[]): string | undefined {
  const empty = urls.find((url) => url.kind === 'tcp' && url.host === '');
  if (empty !== undefined) return `unexpected empty host (${empty.text})`;
  const secure = urls.find((url) => url.scheme === 'https' || url.scheme === 'unixs');
  return secure === undefined ? undefined : `${secure.text} is not supported yet by Kontiki (TLS is not built yet)`;
}

/**
 * Whether a member without data can make the cluster its options describe, or join it. Only such a member needs to ask:
 * on a restart etcd, too, looks at none of this.
 *
 * A member that joins is known to the cluster by the URLs of its own line in `--initial-cluster`, which the cluster was
 * told when it was added; whether they fit is for the cluster to say, and what the member advertises is not compared.
 *
 * @param lookup host name → address, as `dns.promises.lookup`; asked only when the texts of the URLs differ
 * @returns the one line that says why not, or undefined
 */
export async function checkBootstrap(
  { member, advertise, clustering }: Pick<ServerOptions, 'member' | 'advertise' | 'clustering'>,
  lookup: (host: string) => Promise<{ readonly address: string }>,
): Promise<string | undefined> {
  const cluster = parseInitialCluster(clustering.initialCluster);
  if ('problem' in cluster) return cluster.problem;
  const own = cluster.value.get(member.name);
  if (own === undefined) return `couldn't find local name "${member.name}" in the initial cluster configuration`;
  if (clustering.initialClusterState === 'existing') {
    return cluster.value.size > 1
      ? undefined
      : 'cannot fetch cluster info from peer urls: --initial-cluster names no member to join besides this one';
  }
  return compareUrls(
    member.name,
    own.map((url) => url.text),
    advertise.peerUrls,
    lookup,
  );
}

async function compareUrls(
  name: string,
  listed: readonly string[],
  advertised: readonly string[],
  lookup: (host: string) => Promise<{ readonly address: string }>,
): Promise<string | undefined> {
  if (listed.join() === advertised.join()) return undefined;
  const resolvedListed = await resolveAll(listed, lookup);
  const resolvedAdvertised = await resolveAll(advertised, lookup);
  if ([...resolvedListed].sort().join() === [...resolvedAdvertised].sort().join()) return undefined;
  const pairs = (urls: readonly string[]): string => urls.map((url) => `${name}=${url}`).join(',');
  const unadvertised = listed.filter((_, i) => !resolvedAdvertised.includes(resolvedListed[i]!));
  if (unadvertised.length > 0) {
    return `--initial-cluster has ${pairs(unadvertised)} but missing from --initial-advertise-peer-urls=${advertised.join(',')} (resolved urls: "${resolvedAdvertised.join(',')}" != "${resolvedListed.join(',')}")`;
  }
  const unlisted = advertised.filter((_, i) => !resolvedListed.includes(resolvedAdvertised[i]!));
  return `--initial-advertise-peer-urls has ${unlisted.join(',')} but missing from --initial-cluster=${pairs(listed)}`;
}

/** A host that cannot be resolved stays as it is: it then equals only itself. */
export async function resolveAll(
  texts: readonly string[],
  lookup: (host: string) => Promise<{ readonly address: string }>,
): Promise<readonly string[]> {
  return Promise.all(
    texts.map(async (text) => {
      const parsed = parseUrls(text);
      const url = 'value' in parsed ? parsed.value[0] : undefined;
      if (url?.kind !== 'tcp') return text;
      const host = await lookup(url.host).then(
        ({ address }) => address,
        () => url.host,
      );
      return `${url.scheme}://${host.includes(':') ? `[${host}]` : host}:${url.port}`;
    }),
  );
}
