import type { Backend } from '@kontiki/mvcc';
import { rpc } from '@kontiki/proto';
import { EMPTY } from '@kontiki/std';
import type { AlarmStore } from '../../apply/alarms.js';

const TABLE = 'alarm';

/** The `alarm` table: the encoded alarm is the key, the value is empty. */
export class AlarmsTable implements AlarmStore {
  readonly #backend: Backend;

  constructor(backend: Backend) {
    this.#backend = backend;
  }

  async load(): Promise<readonly rpc.AlarmMember[]> {
    const alarms: rpc.AlarmMember[] = [];
    for await (const chunk of this.#backend.scan(TABLE)) {
      for (const [key] of chunk) alarms.push(rpc.AlarmMember.decode(key));
    }
    return alarms;
  }

  save(alarm: rpc.AlarmMember): void {
    this.#backend.put(TABLE, rpc.AlarmMember.encode(alarm).finish(), EMPTY);
  }

  remove(alarm: rpc.AlarmMember): void {
    this.#backend.delete(TABLE, rpc.AlarmMember.encode(alarm).finish());
  }
}
