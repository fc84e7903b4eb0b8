import { rpc } from '@kontiki/proto';

export const NOSPACE: typeof rpc.AlarmType.NOSPACE = rpc.AlarmType.NOSPACE;
export const CORRUPT: typeof rpc.AlarmType.CORRUPT = rpc.AlarmType.CORRUPT;

/** Where raised alarms are kept. Must write in the batch of the entry that changed them. */
export interface AlarmStore {
  save(alarm: rpc.AlarmMember): void;
  remove(alarm: rpc.AlarmMember): void;
}

/** The alarms raised in the cluster, by kind and member. Changed only by applied requests, so alike on every member. */
export class Alarms {
  readonly #store: AlarmStore;
  /** kind -> member -> alarm */
  readonly #raised = new Map<number, Map<bigint, rpc.AlarmMember>>();
  readonly #onChange: (alarm: rpc.AlarmMember, raised: boolean) => void;

  constructor(
    store: AlarmStore,
    saved: Iterable<rpc.AlarmMember>,
    onChange: (alarm: rpc.AlarmMember, raised: boolean) => void = () => {},
  ) {
    this.#store = store;
    this.#onChange = onChange;
    for (const alarm of saved) this.#add(alarm);
  }

  /** @returns the alarm; raising one twice changes nothing */
  activate(memberID: bigint, alarm: rpc.AlarmType): rpc.AlarmMember {
    const raised = this.#raised.get(alarm)?.get(memberID);
    if (raised !== undefined) return raised;
    const added: rpc.AlarmMember = { memberID, alarm };
    this.#add(added);
    this.#store.save(added);
    return added;
  }

  /** @returns the alarm that was lowered; undefined when it was not raised */
  deactivate(memberID: bigint, alarm: number): rpc.AlarmMember | undefined {
    const raised = this.#raised.get(alarm)?.get(memberID);
    if (raised === undefined) return undefined;
    this.#raised.get(alarm)?.delete(memberID);
    this.#store.remove(raised);
    this.#onChange(raised, false);
    return raised;
  }

  /** @param alarm 0: of every kind */
  list(alarm: number): readonly rpc.AlarmMember[] {
    const kinds = alarm === 0 ? [...this.#raised.keys()].sort((a, b) => a - b) : [alarm];
    return kinds.flatMap((kind) => [...(this.#raised.get(kind)?.values() ?? [])]);
  }

  has(alarm: number): boolean {
    return (this.#raised.get(alarm)?.size ?? 0) > 0;
  }

  /** Everything anew, as a snapshot from the leader has it. What was saved is there already. */
  restore(saved: Iterable<rpc.AlarmMember>): void {
    const before = this.list(0);
    this.#raised.clear();
    for (const alarm of before) this.#onChange(alarm, false);
    for (const alarm of saved) this.#add(alarm);
  }

  #add(alarm: rpc.AlarmMember): void {
    const members = this.#raised.get(alarm.alarm);
    if (members === undefined) this.#raised.set(alarm.alarm, new Map([[alarm.memberID, alarm]]));
    else members.set(alarm.memberID, alarm);
    this.#onChange(alarm, true);
  }
}
