import { type Mismatch, mismatches, type Tree } from './answer.js';
import type { Difference } from './compare.js';
import { describe, type History } from './operation.js';

/** A difference as people read it: the shortest history found, where it differs, both answers, and how to see it again. */
export function report(history: History, difference: Difference, reproduce: string): string {
  // Nothing after the difference was done.
  const done = history.operations.slice(0, difference.step === undefined ? undefined : difference.step + 1);
  const lines = done.map((operation, i) => {
    const mark = i === difference.step ? '>' : ' ';
    return `${mark} ${String(i + 1).padStart(2)}. ${describe(operation)}`;
  });
  return [
    '',
    `DIFFERENCE: ${difference.what}`,
    ...lines,
    ...difference.mismatches.slice(0, 20).map(mismatchLine),
    ...(difference.mismatches.length > 20 ? [`    and ${difference.mismatches.length - 20} more places`] : []),
    ...sideLine('etcd  ', difference.left),
    ...sideLine('judged', difference.right),
    `reproduce: ${reproduce}`,
    '',
  ].join('\n');
}

function mismatchLine({ path, left, right }: Mismatch): string {
  return `    ${path === '' ? 'answer' : path}: etcd ${shown(left)}, judged ${shown(right)}`;
}

function sideLine(name: string, tree: Tree | undefined): string[] {
  return tree === undefined ? [] : [`  ${name} ${typeof tree === 'string' ? `\n${tree}` : shown(tree)}`];
}

function shown(tree: Tree | undefined): string {
  if (tree === undefined) return 'nothing';
  const text = JSON.stringify(tree);
  return text.length > 1_500 ? `${text.slice(0, 1_500)}…` : text;
}

/** A short name by which two differences are the same defect, most likely. */
export function signature(history: History, difference: Difference): string {
  const operation = difference.step === undefined ? 'end' : history.operations[difference.step]?.kind;
  const places = difference.mismatches.slice(0, 3).map(({ path }) => path.replaceAll(/\[\d+\]/g, '[]'));
  const texts = mismatches(difference.left, difference.right)
    .slice(0, 2)
    .map(({ left, right }) => `${left}|${right}`);
  return [operation, ...places, ...texts.filter((text) => /[a-z]/.test(text))].join(' ');
}
