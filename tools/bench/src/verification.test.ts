import { describe, expect, it } from 'vitest';
import { type Run, whyInvalid } from './verification.js';

const puts: Run = {
  requests: 100,
  succeeded: 100,
  dataBytes: 100 * 35,
  writes: true,
  before: { bytes: 30, revision: 10 },
  after: { bytes: 30, revision: 111 },
};
const reads: Run = { ...puts, writes: false, after: { bytes: 30, revision: 10 } };

describe('whyInvalid', () => {
  it('accepts runs in which every call succeeded', () => {
    expect(whyInvalid(puts)).toBeUndefined();
    expect(whyInvalid(reads)).toBeUndefined();
    expect(whyInvalid({ ...puts, dataBytes: 100 * 35 + 40, after: { bytes: 31, revision: 111 } })).toBeUndefined();
  });

  it('refuses one with an error among the answers', () => {
    expect(whyInvalid({ ...reads, dataBytes: 99 * 35 })).toMatch(/not every call succeeded/);
    expect(whyInvalid({ ...puts, succeeded: 99 })).toMatch(/99 had HTTP success/);
  });

  it('refuses puts that made no revision, and reads that did', () => {
    expect(whyInvalid({ ...puts, after: { bytes: 30, revision: 110 } })).toMatch(/99 revisions/);
    expect(whyInvalid({ ...reads, after: { bytes: 30, revision: 11 } })).toMatch(/1 revisions/);
  });
});
