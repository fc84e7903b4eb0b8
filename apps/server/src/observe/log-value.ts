import type { LogFields } from '@kontiki/std';
import { printable } from '@kontiki/std';

/** Keys every line has: a field of the same name is set aside under another. */
const TAKEN = new Set(['level', 'ts', 'caller', 'msg']);
const MAX_DEPTH = 6;
const MAX_ITEMS = 1000;

/**
 * Fields as plain JSON data, whatever came in: errors as their messages, ids (`bigint`) in hex as they are printed
 * everywhere, bytes as text, cycles and what is too deep as a mark. Never throws.
 */
export function printableFields(fields: LogFields | undefined): Record<string, unknown> {
  const out: Record<string, unknown> = {};
  if (fields === undefined) return out;
  for (const key of Object.keys(fields)) {
    let value: unknown;
    try {
      value = printableValue(fields[key], 0);
    } catch {
      value = '(not printable)';
    }
    if (value !== undefined) out[TAKEN.has(key) ? `field-${key}` : key] = value;
  }
  return out;
}

function printableValue(value: unknown, depth: number): unknown {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return value;
    case 'number':
      return Number.isFinite(value) ? value : String(value);
    case 'bigint':
      return value.toString(16);
    case 'undefined':
    case 'function':
    case 'symbol':
      return undefined;
    default:
      return value === null ? null : printableObject(value as object, depth);
  }
}

function printableObject(value: object, depth: number): unknown {
  if (value instanceof Error) return value.message;
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'invalid date' : value.toISOString();
  if (value instanceof Uint8Array) return printable(value.subarray(0, MAX_ITEMS));
  if (depth >= MAX_DEPTH) return '(too deep)';
  if (value instanceof Map) return printableObject(Object.fromEntries(value), depth);
  if (Array.isArray(value) || value instanceof Set) {
    return [...value].slice(0, MAX_ITEMS).map((item) => printableValue(item, depth + 1) ?? null);
  }
  const out: Record<string, unknown> = {};
  for (const [key, item] of Object.entries(value).slice(0, MAX_ITEMS)) {
    const plain = printableValue(item, depth + 1);
    if (plain !== undefined) out[key] = plain;
  }
  return out;
}
