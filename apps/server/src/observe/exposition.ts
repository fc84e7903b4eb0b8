import { type Metric, Registry } from 'prom-client';
import { Buckets, type Family, type Labels } from './metric-family.js';

/** What {@link expose} answers: Prometheus' text format 0.0.4, the one format etcd gives without being asked for another. */
export const EXPOSITION_CONTENT_TYPE: string = Registry.PROMETHEUS_CONTENT_TYPE;

/** One line, as `prom-client` takes it. */
interface Sample {
  readonly metricName?: string;
  readonly labels: Labels;
  readonly value: number;
}

/**
 * Families as text, in the given order, those without series left out.
 *
 * The registry lives as long as one answer: it prints the head of every metric it knows, and a metric must not be known
 * before it has a series.
 */
export function expose(families: Iterable<Family>): Promise<string> {
  const registry = new Registry();
  for (const family of families) {
    const values = samplesOf(family);
    if (values.length === 0) continue;
    const { name, help, type } = family.spec;
    const metric = {
      name,
      help,
      type,
      aggregator: 'sum',
      get: async () => ({ name, help, type, aggregator: 'sum', values }),
    };
    // Declared for its own classes alone; this is what the registry uses of them.
    registry.registerMetric(metric as unknown as Metric);
  }
  return registry.metrics();
}

function samplesOf(family: Family): readonly Sample[] {
  const { name } = family.spec;
  return family
    .series()
    .flatMap(({ labels, cell }) =>
      cell instanceof Buckets ? histogram(name, labels, cell) : [{ labels, value: cell.value }],
    );
}

function histogram(name: string, labels: Labels, buckets: Buckets): readonly Sample[] {
  const counts = buckets.cumulative();
  const bounds = [...buckets.bounds, Number.POSITIVE_INFINITY];
  return [
    ...bounds.map((bound, i) => ({
      metricName: `${name}_bucket`,
      labels: { ...labels, le: boundText(bound) },
      value: counts[i]!,
    })),
    { metricName: `${name}_sum`, labels, value: buckets.sum },
    { metricName: `${name}_count`, labels, value: counts.at(-1)! },
  ];
}

/**
 * A bound is the name of its series, so it must be the text etcd prints, not only the same number: with an exponent from
 * a million on and below a ten thousandth, as Go prints it.
 */
export function boundText(bound: number): string {
  if (bound === Number.POSITIVE_INFINITY) return '+Inf';
  if (bound >= 1e-4 && bound < 1e6) return String(bound);
  return bound.toExponential().replace(/e([+-])(\d)$/, 'e$10$2');
}
