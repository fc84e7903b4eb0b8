import { describe, expect, it } from 'vitest';
import { resolveOptions } from './options.js';

describe('options', () => {
  it('have defaults', () => {
    expect(resolveOptions({ id: 1n })).toMatchObject({
      electionTicks: 10,
      heartbeatTicks: 1,
      preVote: true,
      checkQuorum: true,
    });
  });

  it.each([
    [{ id: 0n }, 'id must not be 0'],
    [{ id: 1n, electionTicks: 0 }, 'electionTicks must be a whole number'],
    [{ id: 1n, maxApplyBytes: 1.5 }, 'maxApplyBytes must be a whole number'],
    [{ id: 1n, electionTicks: 3, heartbeatTicks: 3 }, 'must be above heartbeatTicks'],
    [{ id: 1n, maxInflightBytes: 10 }, 'maxInflightBytes must be at least maxMessageBytes'],
  ])('that make no sense are refused: %o', (options, message) => {
    expect(() => resolveOptions(options)).toThrow(
      expect.objectContaining({ code: 'INVALID_OPTIONS', message: expect.stringContaining(message) }),
    );
  });
});
