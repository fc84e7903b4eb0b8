import { posix } from 'node:path';
import type { Finding } from '../finding.js';
import { type House, locate } from '../house.js';

/** Within a package no file imports itself by any detour, type imports included: files read in dependency order. */
export function cycles(house: House): Finding[] {
  const known = new Set(house.sources.map(({ path }) => path));
  const edges = new Map(
    house.sources.map(({ path, imports }) => [
      path,
      imports.flatMap(({ specifier, line }) => {
        const to = specifier.startsWith('.') ? resolve(path, specifier, known) : undefined;
        return to === undefined ? [] : [{ to, line }];
      }),
    ]),
  );
  const findings: Finding[] = [];
  const done = new Set<string>();
  const trail: string[] = [];
  // Depth first: an import of a file that is still on the trail closes a cycle.
  const visit = (path: string): void => {
    trail.push(path);
    for (const { to, line } of edges.get(path)!) {
      const from = trail.indexOf(to);
      if (from >= 0) {
        const round = [...trail.slice(from), to].map((file) => locate(file).rest);
        findings.push({
          file: path,
          line,
          rule: 'no cycles',
          problem: `these import each other: ${round.join(' → ')}`,
          remedy: 'Move what both need into a file above them, or hand it in as an argument',
        });
      } else if (!done.has(to)) visit(to);
    }
    trail.pop();
    done.add(path);
  };
  for (const path of edges.keys()) if (!done.has(path)) visit(path);
  return findings;
}

/** The source an import of ours leads to; undefined when it is none. */
export function resolve(from: string, specifier: string, known: ReadonlySet<string>): string | undefined {
  const path = posix.join(posix.dirname(from), specifier);
  const stem = path.replace(/\.(js|mjs|ts|mts|tsx)$/, '');
  return [path, `${stem}.ts`, `${stem}.tsx`, `${stem}.mts`].find((candidate) => known.has(candidate));
}
