import { posix } from 'node:path';
import ts from 'typescript';
import type { Finding } from '../finding.js';
import { type House, locate, type Manifest } from '../house.js';
import { isTest, lineOf, type Source } from '../source.js';

const RULE = 'one door per package';

/**
 * What a package shows, it names: no door says `export *` (a namespace, `export * as`, is a name). Every door in a
 * manifest leads to a source that exists and is built; others come in through the doors, never through the wall.
 */
export function doors(house: House): Finding[] {
  const findings: Finding[] = [];
  for (const [folder, manifest] of house.manifests) findings.push(...exportsOf(folder, manifest, house));
  const doorPaths = new Set(
    [...house.manifests].flatMap(([folder, manifest]) =>
      Object.values(manifest.exports ?? {}).map((entry) => posix.join(folder, sourceOf(entry))),
    ),
  );
  for (const source of house.sources) {
    if (doorPaths.has(source.path)) findings.push(...door(source));
    findings.push(...walls(source, house));
  }
  return findings;
}

function exportsOf(folder: string, manifest: Manifest, house: House): Finding[] {
  const findings: Finding[] = [];
  const file = `${folder}/package.json`;
  const built = `${folder}/tsup.config.ts`;
  for (const [name, entry] of Object.entries(manifest.exports ?? {})) {
    const source = sourceOf(entry);
    const fail = (problem: string, remedy: string): void => {
      findings.push({ file, rule: RULE, problem: `the door "${name}" ${problem}`, remedy });
    };
    if (source === '') {
      fail('has no "@kontiki/source"', 'Name its source first, as the other packages do');
      continue;
    }
    if (!house.files.includes(posix.join(folder, source))) {
      fail(`leads to ${source}, which is not there`, 'Write that file or take the door out');
    }
    const stem = source.replace(/^\.\/src\//, './dist/').replace(/\.ts$/, '');
    const meant = ['@kontiki/source', 'types', 'default'];
    if (entry['types'] !== `${stem}.d.ts` || entry['default'] !== `${stem}.js`) {
      fail(`does not lead to what is built of ${source}`, `It must say ${stem}.d.ts and ${stem}.js`);
    } else if (Object.keys(entry).join() !== meant.join()) {
      fail(`lists ${Object.keys(entry).join(', ')}`, `Conditions are tried in order: ${meant.join(', ')}`);
    }
    if (house.files.includes(built) && !house.text(built).includes(`'${source.slice(2)}'`)) {
      fail(`leads to ${source}, which ${built} does not build`, 'Add it to the entries there');
    }
  }
  return findings;
}

function door({ path, tree }: Source): Finding[] {
  const findings: Finding[] = [];
  for (const statement of tree.statements) {
    if (ts.isExportDeclaration(statement) && statement.exportClause === undefined) {
      const line = lineOf(tree, statement);
      const remedy = 'Name each symbol, first those for users, then those for authors of libraries';
      findings.push({ file: path, line, rule: RULE, problem: 'a door says "export *"', remedy });
    }
  }
  if (!tree.text.includes('@packageDocumentation')) {
    const remedy = 'Begin it with a comment that says what the package is, and that tag';
    findings.push({ file: path, rule: RULE, problem: 'a door has no @packageDocumentation', remedy });
  }
  return findings;
}

/** Imports that reach into another package past its doors. */
function walls({ path, imports }: Source, house: House): Finding[] {
  const findings: Finding[] = [];
  const { folder } = locate(path);
  for (const { specifier, line } of imports) {
    const at = { file: path, line, rule: RULE };
    if (specifier.startsWith('.')) {
      const to = posix.join(posix.dirname(path), specifier);
      const other = locate(to).folder;
      if (other === folder || !house.manifests.has(other)) continue;
      // Tools are never published, so nothing stands in node_modules: their door is taken by its path.
      if (other.startsWith('tools/') && to === `${other}/src/index.js` && !isShipped(path)) continue;
      const remedy = `Import ${house.manifests.get(other)!.name}, and export there what is missing`;
      findings.push({ ...at, problem: `${specifier} reaches into ${other}`, remedy });
      continue;
    }
    for (const [other, manifest] of house.manifests) {
      if (specifier !== manifest.name && !specifier.startsWith(`${manifest.name}/`)) continue;
      const name = `.${specifier.slice(manifest.name.length)}`;
      if (manifest.exports?.[name] !== undefined) continue;
      const doorNames = Object.keys(manifest.exports ?? {}).map((each) => manifest.name + each.slice(1));
      const remedy = doorNames.length > 0 ? `Its doors are ${doorNames.join(', ')}` : 'It has no doors';
      findings.push({ ...at, problem: `${specifier} is no door of ${other}`, remedy });
    }
  }
  return findings;
}

function isShipped(path: string): boolean {
  return !path.startsWith('tools/') && !isTest(path);
}

function sourceOf(entry: Readonly<Record<string, string>>): string {
  return entry['@kontiki/source'] ?? '';
}
