/**
 * Who owns a folder, decided among processes that can all die at any moment.
 *
 *   LOCK.7   a socket: somebody answers behind it, so its process owns the folder
 *   LOCK.8   made by the next owner once nobody answered behind LOCK.7
 *
 * The kernel closes a dead process's sockets, however it died, and gives them to nobody else: there is nothing to
 * clean up and no process number to mistake. The name with the highest number counts; a taken name is never reused,
 * which is why a stale one is not removed and made again (two processes that both found it stale would remove each
 * other's new one) but outnumbered.
 *
 * Invariants: a name appears with its socket listening already; the highest number never falls, since a name is only
 * removed once a higher one exists. So of two claims the later one has seen the earlier, and asked behind it, or the
 * earlier one sees the later when it looks again.
 */
export interface LockPlace {
  /** The names in the folder. One that is added or removed meanwhile may be missing; every other must be there. */
  names(): Promise<readonly string[]>;
  /** Makes `name` lead to this process's listening socket, atomically. @returns false when the name is taken */
  link(name: string): Promise<boolean>;
  /** Not an error when it is gone already. */
  remove(name: string): Promise<void>;
  /** Whether a living process listens behind `name`; false also when there is no such name. */
  answers(name: string): Promise<boolean>;
}

const NAME = /^LOCK\.([1-9][0-9]*)$/;

/**
 * Claims the folder. An owner stays the owner until its socket is closed; it must leave its name where it is, also then.
 * @returns `taken` right after somebody answered behind the highest name
 */
export async function claim(place: LockPlace): Promise<'owner' | 'taken'> {
  for (;;) {
    const highest = Math.max(...numbers(await place.names()));
    if (highest > 0 && (await place.answers(nameOf(highest)))) return 'taken';
    const mine = highest + 1;
    if (!(await place.link(nameOf(mine)))) continue;
    const now = numbers(await place.names());
    if (Math.max(...now) > mine) {
      // Somebody was faster, and the name we got had been used and removed before.
      await place.remove(nameOf(mine));
      continue;
    }
    for (const number of now) if (number > 0 && number < mine) await place.remove(nameOf(number));
    return 'owner';
  }
}

/** 0 and the numbers of all lock names. */
function numbers(names: readonly string[]): number[] {
  return [0, ...names.map((name) => Number(NAME.exec(name)?.[1] ?? 0))];
}

function nameOf(number: number): string {
  return `LOCK.${number}`;
}
