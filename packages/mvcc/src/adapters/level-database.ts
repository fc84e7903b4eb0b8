const BINARY = { keyEncoding: 'view', valueEncoding: 'view' } as const;

export type Binary = typeof BINARY;

/** Leaves options out: the types want them said, because a database's own encodings are not part of our view of it. */
const UNSAID = undefined as unknown as Binary;

/**
 * What a call must say to get and give keys and values as bytes: nothing, where the database does so anyway. To say it all
 * the same would make every put of a batch several times slower.
 */
export function binaryOptions(db: LevelDatabase): Binary {
  return db.keyEncoding().name === 'view' && db.valueEncoding().name === 'view' ? UNSAID : BINARY;
}

interface Bounds {
  readonly gte: Uint8Array;
  readonly lt: Uint8Array;
  readonly reverse?: boolean;
  readonly limit?: number;
}

export interface LevelBatch {
  put(key: Uint8Array, value: Uint8Array, options: Binary): unknown;
  del(key: Uint8Array, options: Binary): unknown;
  write(options: { readonly sync?: boolean }): Promise<void>;
}

export interface LevelIterator {
  nextv(size: number): Promise<[Uint8Array, Uint8Array][]>;
  close(): Promise<void>;
}

/** What is used of an abstract-level database that has `getSync`: `level` and `memory-level` fit. */
export interface LevelDatabase {
  readonly supports: { readonly additionalMethods: Readonly<Record<string, boolean>> };
  open(): Promise<void>;
  close(): Promise<void>;
  keyEncoding(): { readonly name: string };
  valueEncoding(): { readonly name: string };
  getSync(key: Uint8Array, options: Binary): Uint8Array | undefined;
  batch(): LevelBatch;
  /** Must hold the state of the database as of the call. */
  iterator(options: Binary & Bounds): LevelIterator;
}

/** For scans: `level` reads ahead in larger pieces and leaves its cache alone; others do not know these options. */
const SCANNED = { highWaterMarkBytes: 1 << 20, fillCache: false } as const;

export function scanDatabase(db: LevelDatabase, gte: Uint8Array, lt: Uint8Array): LevelIterator {
  const options = { ...BINARY, ...SCANNED, gte, lt };
  return db.iterator(options);
}

/** Of the records in the range the one with the highest key. */
export async function lastRecord(
  db: LevelDatabase,
  gte: Uint8Array,
  lt: Uint8Array,
): Promise<readonly [Uint8Array, Uint8Array] | undefined> {
  const iterator = db.iterator({ ...BINARY, gte, lt, reverse: true, limit: 1 });
  try {
    return (await iterator.nextv(1))[0];
  } finally {
    await iterator.close();
  }
}

/** Rewrites everything so that no space is lost, where the database can. */
export async function compactDatabase(db: LevelDatabase): Promise<void> {
  if (db.supports.additionalMethods['compactRange'] !== true) return;
  const compacting = db as LevelDatabase & {
    compactRange(start: Uint8Array, end: Uint8Array, options: Binary): Promise<void>;
  };
  await compacting.compactRange(Uint8Array.of(0), Uint8Array.of(0xff), BINARY);
}
