import type { Operation } from '../history.js';
import type { Model } from './linearizable.js';

/** What is asked of a register. Values should be unique in a history: a read then names the write it saw. */
export type RegisterInput =
  | { readonly kind: 'get'; readonly key: string }
  | { readonly kind: 'put'; readonly key: string; readonly value: string }
  /** Writes `value` when the register holds `expected`; undefined: when it holds nothing. */
  | { readonly kind: 'cas'; readonly key: string; readonly expected: string | undefined; readonly value: string };

/** What it answered. */
export type RegisterOutput =
  | { readonly kind: 'got'; readonly value: string | undefined }
  | { readonly kind: 'done' }
  /** A comparison that failed, and what the register held instead. */
  | { readonly kind: 'held'; readonly value: string | undefined };

/** Registers that begin empty, each key by itself. */
export const registerModel: Model<RegisterInput, RegisterOutput, string | undefined> = {
  initial: undefined,
  step(state, input, output) {
    switch (input.kind) {
      case 'get':
        return output === undefined || (output.kind === 'got' && output.value === state) ? { state } : undefined;
      case 'put':
        return output === undefined || output.kind === 'done' ? { state: input.value } : undefined;
      case 'cas': {
        const holds = state === input.expected;
        if (output === undefined) return { state: holds ? input.value : state };
        if (output.kind === 'done') return holds ? { state: input.value } : undefined;
        return output.kind === 'held' && !holds && output.value === state ? { state } : undefined;
      }
    }
  },
  print: (state) => (state === undefined ? '-' : `=${state}`),
  keyOf: ({ key }) => key,
  /**
   * A write of unknown outcome whose value nobody saw might as well not have happened: every answer names the value it
   * depends on, so whatever comes right behind it in an order either overwrites it or cannot tell. A read of unknown
   * outcome says nothing at all.
   */
  prune(operations) {
    const seen = new Set<string>();
    const isUnknown = ({ returnedAt }: Operation<RegisterInput, RegisterOutput>): boolean =>
      returnedAt === Number.POSITIVE_INFINITY;
    const look = ({ input, output }: Operation<RegisterInput, RegisterOutput>): void => {
      if (input.kind === 'cas' && input.expected !== undefined) seen.add(input.expected);
      if (output !== undefined && output.kind !== 'done' && output.value !== undefined) seen.add(output.value);
    };
    const kept = new Set(operations.filter((operation) => !isUnknown(operation)));
    for (const operation of kept) look(operation);
    const open = new Set(operations.filter((operation) => isUnknown(operation) && operation.input.kind !== 'get'));
    // One that stays may have seen the value of another, so until nothing more is found.
    for (let size = -1; size !== kept.size; ) {
      size = kept.size;
      for (const operation of open) {
        if (operation.input.kind === 'get' || !seen.has(operation.input.value)) continue;
        open.delete(operation);
        kept.add(operation);
        look(operation);
      }
    }
    return operations.filter((operation) => kept.has(operation));
  },
};
