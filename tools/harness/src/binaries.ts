import { accessSync, constants, existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The root of this repository. */
export const repositoryRoot: string = fileURLToPath(new URL('../../../', import.meta.url));

/** What to run, before any flag. */
export interface Program {
  readonly kind: ServerKind;
  readonly command: string;
  readonly leading: readonly string[];
}

/** Which server: both take etcd's flags. */
export type ServerKind = 'etcd' | 'kontiki';

/**
 * A real etcd: `given` (an `--etcd` option), else `$KONTIKI_ETCD`, else the one under `.setup/etcd`, else PATH.
 * @returns undefined when there is none
 * @throws Error when a path was given and nothing executable is there: a wrong path must not fall back silently
 */
export function findEtcd(given?: string, env: NodeJS.ProcessEnv = process.env): string | undefined {
  const asked = given ?? nonEmpty(env['KONTIKI_ETCD']);
  if (asked !== undefined) {
    if (!executable(asked)) throw new Error(`no executable etcd at ${asked}`);
    return asked;
  }
  return unpackedOrOnPath('etcd', env);
}

/** etcdctl: `$KONTIKI_ETCDCTL`, else beside the etcd that was found, else `.setup/etcd`, else PATH. */
export function findEtcdctl(etcd?: string, env: NodeJS.ProcessEnv = process.env): string | undefined {
  const asked = nonEmpty(env['KONTIKI_ETCDCTL']);
  if (asked !== undefined) {
    if (!executable(asked)) throw new Error(`no executable etcdctl at ${asked}`);
    return asked;
  }
  const beside = etcd === undefined ? undefined : join(etcd, '..', 'etcdctl');
  return beside !== undefined && executable(beside) ? beside : unpackedOrOnPath('etcdctl', env);
}

/**
 * Kontiki as it ships: the `main.js` that `$KONTIKI_SERVER` names (another build, to compare two), else this
 * repository's. @returns undefined when it is not built
 */
export function findKontiki(env: NodeJS.ProcessEnv = process.env): string | undefined {
  const asked = nonEmpty(env['KONTIKI_SERVER']);
  if (asked !== undefined) {
    if (!existsSync(asked)) throw new Error(`no server at ${asked}`);
    return asked;
  }
  const main = join(repositoryRoot, 'apps', 'server', 'dist', 'main.js');
  return existsSync(main) ? main : undefined;
}

/** The program of a server, ready for flags. @throws Error naming what is missing and how to get it */
export function programOf(kind: ServerKind, options: { readonly etcd?: string } = {}): Program {
  if (kind === 'etcd') {
    const etcd = findEtcd(options.etcd);
    if (etcd === undefined) {
      throw new Error('no etcd: run tools/setup/install-etcd.sh, or say where one is with --etcd PATH or KONTIKI_ETCD');
    }
    return { kind, command: etcd, leading: [] };
  }
  const main = findKontiki();
  if (main === undefined) throw new Error('Kontiki is not built: run npm run build');
  return { kind, command: process.execPath, leading: [main] };
}

function unpackedOrOnPath(name: string, env: NodeJS.ProcessEnv): string | undefined {
  const unpacked = join(repositoryRoot, '.setup', 'etcd', 'usr', 'bin', name);
  const folders = (env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '');
  return [unpacked, ...folders.map((folder) => join(folder, name))].find(executable);
}

function executable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function nonEmpty(text: string | undefined): string | undefined {
  return text === '' ? undefined : text;
}
