import { gunzipSync } from 'node:zlib';
import type { Inflate } from '../message.js';

/** Node's gunzip. It runs on the caller's thread: bounded by the size of the largest message that may be received. */
export const nodeInflate: Inflate = {
  gunzip(bytes: Uint8Array, maxBytes: number): Uint8Array | 'too large' | undefined {
    try {
      return gunzipSync(bytes, { maxOutputLength: Math.max(maxBytes, 1) });
    } catch (error) {
      // What else it says is all the same to the caller: these bytes are no message.
      return (error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE' ? 'too large' : undefined;
    }
  },
};
