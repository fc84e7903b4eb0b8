import { figure, plain, type Table } from '../report/table.js';
import type { HotFunction } from './hot-spots.js';
import type { Profiled } from './profile-load.js';

/** @param most how many functions */
export function profileText(profiled: Profiled, title: string, most: number): string {
  const { measured, spots, mainCores, otherCores } = profiled;
  const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;
  const owners: Table = {
    rows: [['where', 'self time'], ...spots.owners.map(({ owner, share }) => [owner, percent(share)])],
    left: 1,
  };
  const functions: Table = {
    rows: [
      ['function', 'where', 'source', 'self time'],
      ...spots.functions.slice(0, most).map((spot) => [spot.name, spot.owner, sourceOf(spot), percent(spot.share)]),
    ],
    left: 3,
  };
  return [
    `${title}: ${figure(measured.requestsPerSecond)} req/s, p99 ${figure(measured.p99Ms)} ms, ` +
      `${figure(measured.cpuMicrosPerRequest)} µs CPU per request, while profiled`,
    `main thread ${figure(mainCores)} cores, all other threads ${figure(otherCores)} cores; ` +
      `profile ${figure(spots.seconds)} s, of which idle ${figure(spots.idleSeconds)} s`,
    '',
    plain(owners),
    '',
    plain(functions),
  ].join('\n');
}

/** As short as it is clear: from the package on. */
function sourceOf({ place, native }: HotFunction): string {
  if (native) return 'native';
  if (place === undefined) return '';
  const { file, line } = place;
  const short = file.includes('/node_modules/')
    ? file.replace(/^.*\/node_modules\//, '')
    : file.replace(/^.*\/(?=(packages|apps|tools)\/)/, '');
  return `${short}:${line}`;
}
