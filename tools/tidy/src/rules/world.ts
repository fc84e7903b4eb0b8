import { isBuiltin } from 'node:module';
import ts from 'typescript';
import type { Finding } from '../finding.js';
import { type House, locate } from '../house.js';
import { APPS, isIn, PACKAGES } from '../plan.js';
import { isTest, lineOf, type Source } from '../source.js';

const RULE = 'only drivers and adapters touch the world';

/** Names of the global scope that are the world, and what takes their place. */
const GLOBALS: Readonly<Record<string, string>> = {
  Date: 'Take `now` as an argument, or a Clock',
  performance: 'Take `nowMs` as an argument, or a Clock',
  setTimeout: 'Count ticks, or take a Clock in a driver',
  setInterval: 'Count ticks, or take a Clock in a driver',
  setImmediate: 'Count ticks, or take a Clock in a driver',
  crypto: 'Take a Random',
  process: 'Take what you need of it as an argument',
  console: 'Take a Logger',
  fetch: 'Declare a port and fill it in an adapter',
};

/** The same, for members of globals that are harmless otherwise. */
const MEMBERS: Readonly<Record<string, string>> = {
  'Math.random': 'Take a Random',
  'AbortSignal.timeout': 'Take a Clock and abort a controller of your own',
};

/** What Node's modules have that only computes. */
const PURE: Readonly<Record<string, readonly string[]>> = { 'node:net': ['isIP', 'isIPv4', 'isIPv6'] };

/** Time, chance, files, sockets and the process come in through ports, except where the plan says otherwise. */
export function world(house: House): Finding[] {
  return house.sources.filter(({ path }) => isPure(path)).flatMap((source) => [...modules(source), ...globals(source)]);
}

function isPure(path: string): boolean {
  const { folder, rest } = locate(path);
  const [kind, name] = folder.split('/') as [string, string];
  const room = kind === 'packages' ? PACKAGES[name] : kind === 'apps' ? APPS[name] : undefined;
  return room !== undefined && rest.startsWith('src/') && !isTest(rest) && !isIn(rest.slice('src/'.length), room.world);
}

function modules({ path, imports }: Source): Finding[] {
  return imports
    .filter(({ specifier, names }) => isBuiltin(specifier) && !names?.every((name) => PURE[specifier]?.includes(name)))
    .map(({ specifier, line }) => {
      const remedy = 'Declare a port and fill it in a file under adapters/, or in one the plan names';
      return { file: path, line, rule: RULE, problem: `${specifier} is imported in a core`, remedy };
    });
}

function globals({ path, tree }: Source): Finding[] {
  const findings: Finding[] = [];
  const scopes = declarations(tree);
  const add = (node: ts.Node, name: string, remedy: string): void => {
    findings.push({ file: path, line: lineOf(tree, node), rule: RULE, problem: `${name} is used in a core`, remedy });
  };
  const visit = (node: ts.Node): void => {
    // Types are gone when the program runs.
    if (ts.isTypeNode(node) && !ts.isExpressionWithTypeArguments(node)) return;
    if (ts.isPropertyAccessExpression(node) || ts.isElementAccessExpression(node)) {
      const object = node.expression;
      const member = ts.isPropertyAccessExpression(node) ? node.name : node.argumentExpression;
      const name = ts.isIdentifier(member) || ts.isStringLiteralLike(member) ? member.text : '';
      if (ts.isIdentifier(object) && isFree(object, scopes)) {
        const whole = `${object.text}.${name}`;
        if (Object.hasOwn(MEMBERS, whole)) add(node, whole, MEMBERS[whole]!);
        if (object.text === 'globalThis' && Object.hasOwn(GLOBALS, name)) add(node, whole, GLOBALS[name]!);
      }
    }
    if (ts.isIdentifier(node) && Object.hasOwn(GLOBALS, node.text) && isReference(node) && isFree(node, scopes)) {
      add(node, node.text, GLOBALS[node.text]!);
    }
    ts.forEachChild(node, visit);
  };
  visit(tree);
  return findings;
}

/** Every name declared in the file, with the nodes it is visible in. */
function declarations(tree: ts.SourceFile): ReadonlyMap<string, ReadonlySet<ts.Node>> {
  const scopes = new Map<string, Set<ts.Node>>();
  const visit = (node: ts.Node): void => {
    const name = (node as Partial<ts.NamedDeclaration>).name;
    if (isDeclaration(node) && name !== undefined && ts.isIdentifier(name)) {
      let scope = node.parent;
      while (!ts.isSourceFile(scope) && !ts.isBlock(scope) && !ts.isFunctionLike(scope) && !isLoop(scope))
        scope = scope.parent;
      scopes.set(name.text, (scopes.get(name.text) ?? new Set()).add(scope));
    }
    ts.forEachChild(node, visit);
  };
  visit(tree);
  return scopes;
}

function isDeclaration(node: ts.Node): boolean {
  return (
    ts.isVariableDeclaration(node) ||
    ts.isParameter(node) ||
    ts.isBindingElement(node) ||
    ts.isFunctionDeclaration(node) ||
    ts.isClassDeclaration(node) ||
    ts.isImportSpecifier(node) ||
    ts.isImportClause(node) ||
    ts.isNamespaceImport(node)
  );
}

function isLoop(node: ts.Node): boolean {
  return ts.isForStatement(node) || ts.isForOfStatement(node) || ts.isForInStatement(node);
}

/** Whether no declaration in the file gives the name another meaning here. */
function isFree(identifier: ts.Identifier, scopes: ReadonlyMap<string, ReadonlySet<ts.Node>>): boolean {
  const declaredIn = scopes.get(identifier.text);
  for (let node: ts.Node | undefined = identifier; declaredIn && node; node = node.parent) {
    if (declaredIn.has(node)) return false;
  }
  return true;
}

/** Whether the identifier stands for a value, and is not just the name of a member or of something declared. */
function isReference(node: ts.Identifier): boolean {
  const { parent } = node;
  // A date made of a given time only computes.
  if (node.text === 'Date' && ts.isNewExpression(parent) && parent.expression === node && parent.arguments?.length)
    return false;
  if (ts.isBindingElement(parent)) return parent.initializer === node;
  if (ts.isExportSpecifier(parent) || ts.isImportSpecifier(parent)) return false;
  return (parent as Partial<ts.NamedDeclaration>).name !== node || ts.isShorthandPropertyAssignment(parent);
}
