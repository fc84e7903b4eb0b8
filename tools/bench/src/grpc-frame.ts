const PREFIX_BYTES = 5;

/** One message as gRPC puts it into a body: a zero byte (not compressed), the length as 4 bytes big-endian, the message. */
export function grpcFrame(message: Uint8Array): Uint8Array {
  const frame = new Uint8Array(PREFIX_BYTES + message.length);
  new DataView(frame.buffer).setUint32(1, message.length);
  frame.set(message, PREFIX_BYTES);
  return frame;
}

/** The size of a message of `bytes` in a body. */
export function framedBytes(bytes: number): number {
  return PREFIX_BYTES + bytes;
}
