import type { Entry, Message, NodeId } from '@kontiki/raft';
import { assert } from '@kontiki/std';
import type { LogMirror } from '../log-mirror.js';

/** What a member acknowledges or applies survives the loss of its power. */
export class DurableBeforeVisible {
  readonly name = 'durable before visible';

  sent(message: Message, { durable }: LogMirror): void {
    if (message.type !== 'appendReply' || message.reject) return;
    const { from, index } = message;
    assert(
      index <= durable.last,
      `${from} acknowledges entry ${index}, but its disk holds entries up to ${durable.last}`,
    );
  }

  applied(id: NodeId, { index, term }: Entry, { durable }: LogMirror): void {
    const held = index <= durable.base.index || durable.termAt(index) === term;
    assert(held, `${id} applies entry ${index} of term ${term}, which its disk does not hold`);
  }
}
