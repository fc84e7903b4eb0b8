/** A metric as `/metrics` shows it. */
export interface Shown {
  readonly type: string;
  /** Names of its labels, sorted, without the bound of a bucket. */
  readonly labels: readonly string[];
  /** Bounds of its buckets as written, of a histogram. */
  readonly bounds: readonly string[];
  /** Everything behind the name to its value; of a histogram the counts alone. */
  readonly series: ReadonlyMap<string, number>;
}

/** Reads Prometheus' text format as far as it is used here. */
export function readExposition(text: string): ReadonlyMap<string, Shown> {
  const shown = new Map<string, Shown>();
  for (const [, name, type] of text.matchAll(/^# TYPE (\S+) (\S+)$/gm)) {
    const prefix = type === 'histogram' ? `${name}_count` : name!;
    const lines = text.split('\n').filter((line) => line.startsWith(`${prefix}{`) || line.startsWith(`${prefix} `));
    const series = lines.map((line): [string, number] => {
      const cut = line.lastIndexOf(' ');
      return [line.slice(prefix.length, cut), Number(line.slice(cut + 1))];
    });
    const labels = new Set(series.flatMap(([text]) => [...text.matchAll(/[{,](\w+)="/g)].map(([, label]) => label!)));
    const bounds = new Set(
      [...text.matchAll(new RegExp(`^${name}_bucket\\{.*le="([^"]+)"\\}`, 'gm'))].map(([, le]) => le!),
    );
    shown.set(name!, { type: type!, labels: [...labels].sort(), bounds: [...bounds], series: new Map(series) });
  }
  return shown;
}
