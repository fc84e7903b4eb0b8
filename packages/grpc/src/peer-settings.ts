import {
  DEFAULT_MAX_FRAME_BYTES,
  DEFAULT_WINDOW_BYTES,
  ErrorCode,
  LARGEST_MAX_FRAME_BYTES,
  LARGEST_WINDOW_BYTES,
  readUint32,
  Setting,
} from './frame.js';

/** What the client has told us of itself. @see RFC 9113 §6.5.2 */
export class PeerSettings {
  headerTableBytes = 4096;
  initialWindowBytes: number = DEFAULT_WINDOW_BYTES;
  maxFrameBytes: number = DEFAULT_MAX_FRAME_BYTES;

  /** Reads a SETTINGS payload. @returns the error it is, if it is one */
  apply(bytes: Uint8Array, start: number, end: number): ErrorCode | undefined {
    if ((end - start) % 6 !== 0) return ErrorCode.FrameSizeError;
    for (let at = start; at < end; at += 6) {
      const value = readUint32(bytes, at + 2);
      switch ((bytes[at]! << 8) | bytes[at + 1]!) {
        case Setting.HeaderTableSize:
          this.headerTableBytes = value;
          break;
        case Setting.EnablePush:
          if (value > 1) return ErrorCode.ProtocolError;
          break;
        case Setting.InitialWindowSize:
          if (value > LARGEST_WINDOW_BYTES) return ErrorCode.FlowControlError;
          this.initialWindowBytes = value;
          break;
        case Setting.MaxFrameSize:
          if (value < DEFAULT_MAX_FRAME_BYTES || value > LARGEST_MAX_FRAME_BYTES) return ErrorCode.ProtocolError;
          this.maxFrameBytes = value;
          break;
        // The others say what a server that starts no streams has nothing to do with, or are not known.
      }
    }
    return undefined;
  }
}
