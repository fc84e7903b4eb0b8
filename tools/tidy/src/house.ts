import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse, type Source } from './source.js';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

/** What a package's manifest says, as far as rules ask. */
export interface Manifest {
  readonly name: string;
  readonly exports?: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}

/** The repository, as rules see it. Paths are from its root, with `/` between parts. */
export interface House {
  readonly files: readonly string[];
  readonly sources: readonly Source[];
  /** By the folder of the package: `packages/raft`. */
  readonly manifests: ReadonlyMap<string, Manifest>;
  /** What the root installs for all tools and tests. */
  readonly shared: ReadonlySet<string>;
  text(path: string): string;
}

/** Everything git tracks or would track, parsed where it is TypeScript of ours. */
export function readHouse(): House {
  const listed = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    cwd: ROOT,
    encoding: 'utf8',
  });
  const paths = [...new Set(listed.split('\0'))].filter((path) => path !== '' && existsSync(join(ROOT, path))).sort();
  return houseOf(paths, (path) => readFileSync(join(ROOT, path), 'utf8'));
}

/** A house of strings, for trying rules out. */
export function sketch(files: Readonly<Record<string, string>>): House {
  return houseOf(Object.keys(files), (path) => files[path]!);
}

function houseOf(files: readonly string[], text: (path: string) => string): House {
  const sources = files
    .filter((path) => /^(packages|apps|tools|examples)\/.*\.(ts|tsx|mts)$/.test(path))
    .map((path) => parse(path, text(path)));
  const manifests = new Map(
    files
      .filter((path) => /^[^/]+\/[^/]+\/package\.json$/.test(path))
      .map((path) => [path.slice(0, -'/package.json'.length), JSON.parse(text(path)) as Manifest]),
  );
  const root = files.includes('package.json') ? (JSON.parse(text('package.json')) as Manifest) : undefined;
  const shared = new Set(Object.keys(root?.devDependencies ?? {}));
  return { files, sources, manifests, shared, text };
}

/** The folder of the package a file belongs to (`packages/raft`), and the rest of its path. */
export function locate(path: string): { readonly folder: string; readonly rest: string } {
  const [kind, name, ...rest] = path.split('/');
  return { folder: `${kind}/${name}`, rest: rest.join('/') };
}
