/**
 * The plan of the house: who may import whom, whose code enters where, and where the world may be touched. The one
 * place to change when a package is added; the reasons are in ARCHITECTURE.md.
 */
export interface Room {
  /** Our packages its sources may import, by the name of their folder. */
  readonly ours: readonly string[];
  /** The same for its tests, on top. */
  readonly oursInTests?: readonly string[];
  /** Packages of others its sources may import, each only in the files or folders (`…/`) named. */
  readonly theirs: Readonly<Record<string, readonly string[]>>;
  /** Files and folders (`…/`) under `src` that may touch the world; elsewhere it comes in through ports. */
  readonly world: readonly string[];
}

const LIBRARY_WORLD = ['driver/', 'adapters/'];
const leaf = (theirs: Room['theirs'] = {}): Room => ({
  ours: ['std'],
  oursInTests: ['sim'],
  theirs,
  world: LIBRARY_WORLD,
});

export const PACKAGES: Readonly<Record<string, Room>> = {
  std: { ours: [], theirs: {}, world: LIBRARY_WORLD },
  sim: { ours: ['std'], theirs: {}, world: [] },
  raft: leaf(),
  wal: leaf(),
  lease: leaf(),
  auth: leaf(),
  grpc: leaf(),
  bbolt: leaf(),
  mvcc: leaf({ 'abstract-level': ['adapters/'], level: ['adapters/'] }),
  proto: { ours: ['std'], theirs: { '@grpc/grpc-js': ['adapters/'] }, world: LIBRARY_WORLD },
  client: {
    ours: ['std', 'proto'],
    oursInTests: ['sim'],
    theirs: { '@grpc/grpc-js': ['adapters/'] },
    world: LIBRARY_WORLD,
  },
};

export const APPS: Readonly<Record<string, Room>> = {
  server: {
    ours: ['std', 'proto', 'raft', 'wal', 'mvcc', 'lease', 'auth', 'grpc', 'bbolt'],
    oursInTests: ['sim', 'client'],
    theirs: {
      level: ['server.ts'],
      pino: ['observe/'],
      'prom-client': ['observe/'],
      yaml: ['config/'],
    },
    world: ['main.ts', 'server.ts', 'listen.ts', 'http/', 'peers/', 'rpc/server.ts', 'observe/', 'config/file.ts'],
  },
  ctl: { ours: ['std', 'proto', 'client'], theirs: { commander: [''] }, world: [''] },
  console: { ours: ['client'], theirs: {}, world: [''] },
};

/** Whether a path below `src` is one of the places, or in one of them. The place `''` is everywhere. */
export function isIn(path: string, places: readonly string[]): boolean {
  return places.some((place) => path === place || ((place === '' || place.endsWith('/')) && path.startsWith(place)));
}
