/** One place that breaks a rule: what is wrong there, and what to do instead. */
export interface Finding {
  /** From the root of the repository, with `/` between parts. */
  readonly file: string;
  /** Counted from 1; absent when it is about the whole file. */
  readonly line?: number;
  readonly rule: string;
  readonly problem: string;
  readonly remedy: string;
}

/** One line a reader can act on. */
export function format({ file, line, rule, problem, remedy }: Finding): string {
  return `${file}${line === undefined ? '' : `:${line}`}  [${rule}] ${problem}. ${remedy}.`;
}
