/** What a database holds, as plain as it gets. Keys and values are latin1 strings, one character a byte. */
export interface NaiveBucket {
  readonly records: ReadonlyMap<string, string>;
  readonly buckets: ReadonlyMap<string, NaiveBucket>;
}

export function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('latin1');
}

export function bytesOf(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'latin1'));
}

/** Every bucket and record, in the order of a walk, one line each: to compare and to print. */
export function linesOf(bucket: NaiveBucket, path = ''): string[] {
  const hex = (text: string): string => Buffer.from(text, 'latin1').toString('hex');
  const names = [...bucket.records.keys(), ...bucket.buckets.keys()].sort();
  return names.flatMap((name) => {
    const below = bucket.buckets.get(name);
    if (below === undefined) return [`${path}${hex(name)} = ${hex(bucket.records.get(name)!)}`];
    return [`${path}${hex(name)}/`, ...linesOf(below, `${path}${hex(name)}/`)];
  });
}
