/**
 * Who owns a folder, decided among processes that can all die at any moment.
 *
 *   LOCK.7               a socket: somebody answers behind it, so its process owns the folder
 *   LOCK.8               made by the next owner, once nobody answered behind LOCK.7
 *   LOCK.4be0a1c2d3e4.new    the socket of a process that is claiming, under a name it alone ever had
 *
 * The kernel closes a dead process's sockets, however it died, and gives them to nobody else: there is nothing to
 * clean up and no process number to mistake. A stale name is not removed and made again (two processes that both found
 * it stale would remove each other's new one) but outnumbered: the highest number counts, and nobody gets a number
 * twice.
 *
 * Numbers are outnumbered for ever, so most names could go; but a claimant that looked before one went might make it
 * again. Therefore an owner removes lower names only when it sees nobody claiming, and a claimant's number is linked
 * from its own name, which fails when that is gone.
 *
 * Invariants: a number's socket listens before the number appears. While a claimant's own name is there, the highest
 * number that was there before it stays: who removed it would be an owner with a higher one, who looked for claimants
 * before this one came. So a claimant sees the highest number of that time or a later one, however long it takes to
 * read the folder, and the next number is free only if it was never used.
 */
export interface LockPlace {
  /** The claimant's own name, made before and listening already. */
  readonly ownName: string;
  /** The names in the folder. One that is added or removed meanwhile may be missing; every other must be there. */
  names(): Promise<readonly string[]>;
  /**
   * Makes `name` lead to the socket behind {@link ownName}, atomically.
   * @returns `taken` when the name is there already, `gone` when the own name is not
   */
  link(name: string): Promise<'linked' | 'taken' | 'gone'>;
  /** Not an error when it is gone already. */
  remove(name: string): Promise<void>;
  /** Whether a living process listens behind `name`; false also when there is no such name. */
  answers(name: string): Promise<boolean>;
}

const NUMBER = /^LOCK\.([1-9][0-9]*)$/;
const CLAIMANT = /^LOCK\.[0-9a-z]+\.new$/;

/**
 * Claims the folder. An owner stays the owner until its socket is closed; it must leave its number where it is, also
 * then. The claimant must remove its own name in the end.
 *
 * @returns `taken` right after somebody answered behind the highest number; `again` when the own name was taken for a
 *   dead claimant's and removed: claim with another
 */
export async function claim(place: LockPlace): Promise<'owner' | 'taken' | 'again'> {
  for (;;) {
    const highest = Math.max(0, ...numbers(await place.names()));
    if (highest > 0 && (await place.answers(`LOCK.${highest}`))) return 'taken';
    const linked = await place.link(`LOCK.${highest + 1}`);
    if (linked === 'gone') return 'again';
    if (linked === 'taken') continue;
    await tidy(place, highest + 1);
    return 'owner';
  }
}

/** What an owner does for the next one: removes what died claiming, and lower numbers if nobody else is claiming. */
async function tidy(place: LockPlace, mine: number): Promise<void> {
  const names = await place.names();
  let claimants = 0;
  for (const name of names) {
    if (!CLAIMANT.test(name) || name === place.ownName) continue;
    if (await place.answers(name)) claimants++;
    else await place.remove(name);
  }
  if (claimants > 0) return;
  for (const number of numbers(names)) if (number < mine) await place.remove(`LOCK.${number}`);
}

function numbers(names: readonly string[]): number[] {
  return names.flatMap((name) => NUMBER.exec(name)?.slice(1).map(Number) ?? []);
}
