import { Buckets, type Family } from './metric-family.js';

/** What `/metrics` answers by default, as etcd's library says it. */
export const EXPOSITION_CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8; escaping=underscores';

/**
 * Prometheus' text format 0.0.4: families in the given order, those without series left out.
 * @see https://prometheus.io/docs/instrumenting/exposition_formats/
 */
export function expose(families: Iterable<Family>): string {
  let text = '';
  for (const family of families) {
    const { name, help, type } = family.spec;
    const series = family.series();
    if (series.length === 0) continue;
    text += `# HELP ${name} ${help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')}\n# TYPE ${name} ${type}\n`;
    for (const [labels, one] of series) {
      text +=
        one instanceof Buckets
          ? histogram(name, labels, one)
          : `${name}${labels === '' ? '' : `{${labels}}`} ${number(one.value)}\n`;
    }
  }
  return text;
}

function histogram(name: string, labels: string, buckets: Buckets): string {
  const inner = labels === '' ? '' : `${labels},`;
  const outer = labels === '' ? '' : `{${labels}}`;
  const counts = buckets.cumulative();
  const total = counts.at(-1)!;
  let text = '';
  for (const [i, bound] of buckets.bounds.entries()) {
    text += `${name}_bucket{${inner}le="${number(bound)}"} ${counts[i]}\n`;
  }
  text += `${name}_bucket{${inner}le="+Inf"} ${total}\n`;
  return `${text}${name}_sum${outer} ${number(buckets.sum)}\n${name}_count${outer} ${total}\n`;
}

/** The shortest form, with an exponent from a million on and below a ten thousandth, as Go prints it. */
export function number(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf';
  const size = Math.abs(value);
  if (size === 0 || (size >= 1e-4 && size < 1e6)) return String(value);
  return value.toExponential().replace(/e([+-])(\d)$/, 'e$10$2');
}
