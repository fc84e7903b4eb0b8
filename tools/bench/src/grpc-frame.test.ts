import { describe, expect, it } from 'vitest';
import { framedBytes, grpcFrame } from './grpc-frame.js';

describe('grpcFrame', () => {
  it('puts the length before the message, big-endian', () => {
    const frame = grpcFrame(new Uint8Array(0x01_02).fill(7));
    expect([...frame.subarray(0, 6)]).toEqual([0, 0, 0, 1, 2, 7]);
    expect(frame.length).toBe(framedBytes(0x01_02));
  });

  it('frames an empty message', () => expect([...grpcFrame(new Uint8Array())]).toEqual([0, 0, 0, 0, 0]));
});
