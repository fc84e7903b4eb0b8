import { RaftError } from '../errors.js';
import type { ConfState } from '../types.js';
import { type Configuration, checked } from './configuration.js';

/** The configuration a saved ConfState describes. Throws RaftError INVALID_OPTIONS when it describes none. */
export function fromConfState(confState: ConfState): Configuration {
  try {
    return checked({
      voters: new Set(confState.voters),
      outgoing: new Set(confState.votersOutgoing),
      learners: new Set(confState.learners),
      learnersNext: new Set(confState.learnersNext),
      autoLeave: confState.autoLeave ?? false,
    });
  } catch (error) {
    throw new RaftError('INVALID_OPTIONS', 'the configuration contradicts itself', { cause: error });
  }
}
