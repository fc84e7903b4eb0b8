import type { Parsed } from './parsed.js';

const FORM = /^([+-]?)(0[xX]_?|0[oO]_?|0[bB]_?|0_?)?([0-9a-fA-F]+(?:_[0-9a-fA-F]+)*)?$/;

/**
 * A whole number as Go's flag package reads one: decimal, or `0x`, `0o`, `0b` and a leading `0` for octal, with `_` between digits.
 *
 * @param range both ends included
 */
export function parseInteger(text: string, range: { readonly min: number; readonly max: number }): Parsed<number> {
  const value = read(text);
  if (value === undefined) return { problem: `expected a whole number${limits(range)}` };
  if (value < BigInt(range.min) || value > BigInt(range.max)) {
    return { problem: `value out of range, expected a whole number${limits(range)}` };
  }
  return { value: Number(value) };
}

function read(text: string): bigint | undefined {
  const match = FORM.exec(text);
  if (match === null) return undefined;
  const [, sign, prefix = '', digits = ''] = match;
  // A lone "0" is the octal prefix with nothing behind it.
  if (digits === '') return /^0$/.test(prefix) ? 0n : undefined;
  const plain = digits.replaceAll('_', '');
  const base = prefix === '' ? '' : /[xX]/.test(prefix) ? '0x' : /[bB]/.test(prefix) ? '0b' : '0o';
  const allowed = { '': /^[0-9]+$/, '0x': /^[0-9a-fA-F]+$/, '0o': /^[0-7]+$/, '0b': /^[01]+$/ }[base];
  if (!allowed.test(plain)) return undefined;
  const value = BigInt(base + plain);
  return sign === '-' ? -value : value;
}

function limits({ min, max }: { readonly min: number; readonly max: number }): string {
  if (min <= Number.MIN_SAFE_INTEGER) return '';
  return max >= Number.MAX_SAFE_INTEGER ? ` of at least ${min}` : ` from ${min} to ${max}`;
}
