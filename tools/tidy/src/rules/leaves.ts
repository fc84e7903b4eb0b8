import { isBuiltin } from 'node:module';
import type { Finding } from '../finding.js';
import { type House, locate } from '../house.js';
import { APPS, isIn, PACKAGES, type Room } from '../plan.js';
import { isTest, type Source } from '../source.js';

const RULE = 'packages are leaves';
const PLAN = 'tools/tidy/src/plan.ts';

/**
 * Packages import what the plan allows them and nothing else, type imports included; foreign code enters at the spots
 * the plan names; what is imported is declared, and what is declared is imported. Tools and examples may import any package; no package or app may
 * import them.
 */
export function leaves(house: House): Finding[] {
  return [...rooms(house), ...house.sources.flatMap((source) => imports(source, house))];
}

/** Every package has a room in the plan, and declares no package of ours beyond it. */
function rooms(house: House): Finding[] {
  const findings: Finding[] = [];
  for (const [folder, manifest] of house.manifests) {
    const file = `${folder}/package.json`;
    const room = roomOf(folder);
    if (room === 'free') continue;
    if (room === undefined) {
      const remedy = `Decide what it may import and write that into ${PLAN}`;
      findings.push({ file, rule: RULE, problem: `${folder} is not in the plan of the house`, remedy });
      continue;
    }
    const imported = importedBy(folder, house);
    for (const name of Object.keys(manifest.dependencies ?? {})) {
      if (!imported.has(name)) {
        const remedy = `Take it out of the dependencies in ${file}`;
        findings.push({ file, rule: RULE, problem: `${name} is declared but no source imports it`, remedy });
      }
      const other = ourFolder(name, house);
      if (other === undefined || room.ours.includes(nameOf(other))) continue;
      findings.push({ file, rule: RULE, ...notAllowed(folder, name, room) });
    }
  }
  return findings;
}

/** The packages that sources of the folder import, tests apart. */
function importedBy(folder: string, house: House): ReadonlySet<string> {
  const sources = house.sources.filter(({ path }) => path.startsWith(`${folder}/src/`) && !isTest(path));
  return new Set(sources.flatMap((source) => source.imports.map(({ specifier }) => packageName(specifier))));
}

function imports(source: Source, house: House): Finding[] {
  const findings: Finding[] = [];
  const { folder, rest } = locate(source.path);
  const room = roomOf(folder);
  const test = isTest(rest) || !rest.startsWith('src/');
  for (const { specifier, line } of source.imports) {
    if (specifier.startsWith('.') || isBuiltin(specifier)) continue;
    const name = packageName(specifier);
    const other = ourFolder(name, house);
    const at = { file: source.path, line, rule: RULE };
    if (other !== undefined) {
      if (other === folder || room === undefined) continue;
      if (room === 'free' && other.startsWith('packages/')) continue;
      // Tools may drive a server; a tool may be built on another.
      if (room === 'free' && folder.startsWith('tools/') && (other.startsWith('apps/') || other.startsWith('tools/')))
        continue;
      if (room !== 'free' && room.ours.includes(nameOf(other)) && other.startsWith('packages/')) continue;
      if (room !== 'free' && test && room.oursInTests?.includes(nameOf(other))) continue;
      findings.push({ ...at, ...notAllowed(folder, name, room) });
    } else if (room !== 'free' && room !== undefined && !test) {
      const spots = room.theirs[name];
      if (spots === undefined || !isIn(rest.slice('src/'.length), spots)) {
        const where = spots === undefined ? 'nowhere' : `only in ${spots.map((spot) => `src/${spot}`).join(', ')}`;
        const remedy = `Declare a port and fill it in an adapter, or name the spot in ${PLAN} with a reason`;
        findings.push({ ...at, problem: `${name} may enter ${folder} ${where}`, remedy });
      }
    }
    if (!test && !declared(house, folder, name) && !(room === 'free' && house.shared.has(name))) {
      const remedy = `Add it to the dependencies in ${folder}/package.json`;
      findings.push({ ...at, problem: `${name} is imported but not declared`, remedy });
    }
  }
  return findings;
}

function notAllowed(folder: string, name: string, room: Room | 'free'): { problem: string; remedy: string } {
  const allowed = room === 'free' ? ['packages'] : room.ours.map((ours) => `@kontiki/${ours}`);
  return {
    problem: `${folder} may not import ${name}, only ${allowed.join(', ') || 'nothing of ours'}`,
    remedy: 'Declare a port where it is needed and join the two in apps/server',
  };
}

/** `free` for tools and examples; undefined for what the plan does not know. */
function roomOf(folder: string): Room | 'free' | undefined {
  const [kind, name] = folder.split('/') as [string, string];
  if (kind === 'tools' || kind === 'examples') return 'free';
  const rooms = kind === 'packages' ? PACKAGES : APPS;
  return Object.hasOwn(rooms, name) ? rooms[name] : undefined;
}

function ourFolder(name: string, house: House): string | undefined {
  for (const [folder, manifest] of house.manifests) if (manifest.name === name) return folder;
  return undefined;
}

function nameOf(folder: string): string {
  return folder.slice(folder.indexOf('/') + 1);
}

function packageName(specifier: string): string {
  return specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');
}

function declared(house: House, folder: string, name: string): boolean {
  const manifest = house.manifests.get(folder);
  return (
    manifest === undefined ||
    manifest.name === name ||
    manifest.dependencies?.[name] !== undefined ||
    manifest.peerDependencies?.[name] !== undefined
  );
}
