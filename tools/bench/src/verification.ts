/** What a single call of the scenario showed, before or after a run. */
export interface Probe {
  /** Size of the response message. */
  readonly bytes: number;
  /** The store's revision right after it. */
  readonly revision: number;
}

export interface Run {
  readonly requests: number;
  /** Answers with HTTP success. */
  readonly succeeded: number;
  /** Payload of DATA frames received. */
  readonly dataBytes: number;
  /** Every request makes a revision, the probes too. */
  readonly writes: boolean;
  readonly before: Probe;
  readonly after: Probe;
}

/** gRPC's frame around a message. */
const frameBytes = 5;

/**
 * Why a run does not count, or undefined. h2load does not see gRPC's status, which is in the trailers. An error carries
 * no message, so every request succeeded if the bytes received are those of that many messages (a response grows as
 * its revision does, so between those of the probes); and of writes, if they made that many revisions.
 */
export function whyInvalid({ requests, succeeded, dataBytes, writes, before, after }: Run): string | undefined {
  if (succeeded !== requests) return `of ${requests} requests ${succeeded} had HTTP success`;
  const [least, most] = [before.bytes, after.bytes].map((bytes) => requests * (bytes + frameBytes)) as [number, number];
  if (dataBytes < least || dataBytes > most) {
    return `${dataBytes} bytes were received, ${least} to ${most} were expected: not every call succeeded`;
  }
  const revisions = after.revision - before.revision - (writes ? 1 : 0);
  const expected = writes ? requests : 0;
  return revisions === expected ? undefined : `${revisions} revisions were made by ${requests} requests`;
}
