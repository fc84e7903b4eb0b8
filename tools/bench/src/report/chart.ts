import { type FigureName, figures, type Summary } from './summary.js';
import { ratio } from './table.js';

const SHOWN: readonly { readonly name: FigureName; readonly label: string }[] = [
  { name: 'throughput', label: 'throughput' },
  { name: 'p99', label: 'p99 latency' },
  { name: 'cpu', label: 'CPU per request' },
];

const WIDTH = 720;
const LEFT = 170;
const RIGHT = 60;
const BAR = 16;
const GAP = 4;
const TITLE = 28;
const HEAD = 44;
const MIDDLE = LEFT + (WIDTH - LEFT - RIGHT) / 2;

const STYLE = `text{font:12px system-ui,sans-serif;fill:#222}.title{font-weight:600}.axis{stroke:#888}.faint{stroke:#8884}
.good{fill:#2a9d8f}.bad{fill:#e07a3f}@media(prefers-color-scheme:dark){text{fill:#ddd}}`;

/**
 * Bars of the ratios Kontiki / etcd on a logarithmic scale: to the right of the middle Kontiki has more, to the left
 * less; the colour says whether that is good. Loads without a ratio are left out.
 *
 * @returns a whole SVG document
 */
export function chart(summaries: readonly Summary[]): string {
  const shown = summaries.flatMap(({ title, ratios }) => (ratios === undefined ? [] : [{ title, ratios }]));
  const reach = reachOf(shown.flatMap(({ ratios }) => SHOWN.map(({ name }) => ratios[name])));
  const x = (value: number): number => MIDDLE + (Math.log2(value) / reach) * (WIDTH - RIGHT - MIDDLE);
  const blockHeight = TITLE + SHOWN.length * (BAR + GAP);
  const height = HEAD + shown.length * blockHeight + GAP;

  const grid = Array.from({ length: 2 * reach + 1 }, (_, i) => 2 ** (i - reach)).map((value) => {
    const text = value >= 1 ? `${value}x` : `1/${1 / value}x`;
    const kind = value === 1 ? 'axis' : 'faint';
    return (
      `<line class="${kind}" x1="${round(x(value))}" x2="${round(x(value))}" y1="${HEAD - 6}" y2="${height}"/>` +
      `<text x="${round(x(value))}" y="${HEAD - 12}" text-anchor="middle">${text}</text>`
    );
  });
  const blocks = shown.flatMap(({ title, ratios }, i) => {
    const top = HEAD + i * blockHeight;
    const bars = SHOWN.map(({ name, label }, j) =>
      bar(label, ratios[name], isGood(name, ratios[name]), top + TITLE + j * (BAR + GAP), x),
    );
    return [`<text class="title" x="8" y="${top + 20}">${escaped(title)}</text>`, ...bars];
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img">`,
    `<title>Kontiki by etcd</title><style>${STYLE}</style>`,
    '<text class="title" x="8" y="16">Kontiki / etcd</text>',
    ...grid,
    ...blocks,
    '</svg>\n',
  ].join('\n');
}

function bar(label: string, value: number, good: boolean, y: number, x: (value: number) => number): string {
  const end = x(value);
  const [from, to] = [Math.min(end, MIDDLE), Math.max(end, MIDDLE)];
  const [textX, anchor] = end < MIDDLE ? [from - 4, 'end'] : [to + 4, 'start'];
  return (
    `<text x="16" y="${y + 12}">${label}</text>` +
    `<rect class="${good ? 'good' : 'bad'}" x="${round(from)}" y="${y}" width="${round(Math.max(to - from, 1))}" height="${BAR}"/>` +
    `<text x="${round(textX)}" y="${y + 12}" text-anchor="${anchor}">${ratio(value)}</text>`
  );
}

function isGood(name: FigureName, value: number): boolean {
  const { better } = figures.find((figure) => figure.name === name)!;
  return better === 'more' ? value >= 1 : value <= 1;
}

/** How many doublings the scale has on each side. */
function reachOf(ratios: readonly number[]): number {
  return Math.max(1, ...ratios.map((value) => Math.ceil(Math.abs(Math.log2(value)))));
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function escaped(text: string): string {
  return text.replace(/[&<>]/g, (sign) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;' })[sign]!);
}
