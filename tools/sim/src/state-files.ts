import type { RecoveredLog } from '@kontiki/raft';
import type { FileSystem } from '@kontiki/std';
import { State } from './state.js';

const FOLDER = '/state';
const UNFINISHED = '.new';

/** States on a disk, each whole in a file of its own: those saved here, and those that came from a leader. */
export class StateFiles {
  readonly #fileSystem: FileSystem;
  #made = 0;

  private constructor(fileSystem: FileSystem) {
    this.#fileSystem = fileSystem;
  }

  static async open(fileSystem: FileSystem): Promise<StateFiles> {
    await fileSystem.makeDirectory(FOLDER);
    await fileSystem.syncDirectory('/');
    for (const name of await fileSystem.list(FOLDER)) {
      if (name.endsWith(UNFINISHED)) await fileSystem.remove(`${FOLDER}/${name}`);
    }
    return new StateFiles(fileSystem);
  }

  /** Resolves once the state survives a power cut. */
  async save(state: Uint8Array, index: number, term: number): Promise<void> {
    const path = `${FOLDER}/${nameOf(index, term)}`;
    const unfinished = `${path}.${this.#made++}${UNFINISHED}`;
    const file = await this.#fileSystem.open(unfinished, 'create');
    await file.write([state], 0);
    await file.datasync();
    await file.close();
    await this.#fileSystem.rename(unfinished, path);
    await this.#fileSystem.syncDirectory(FOLDER);
  }

  /**
   * The newest state the log can go on from; a new one when there is none. One that a leader sent may be beyond what
   * the log knows of it: the log has not taken it then.
   */
  async load(log: RecoveredLog): Promise<State> {
    const base = log.snapshot?.index ?? 0;
    for (const { name, index, term } of (await this.#list()).reverse()) {
      const known = index === base ? log.snapshot?.term : log.entries[index - base - 1]?.term;
      if (known !== term) continue;
      const file = await this.#fileSystem.open(`${FOLDER}/${name}`, 'read');
      const bytes = new Uint8Array(await file.size());
      await file.read(bytes, 0);
      await file.close();
      return State.decode(bytes);
    }
    if (base > 0) throw new Error(`the log begins behind ${base}, but no state goes that far`);
    return new State();
  }

  /** Removes what the log no longer reaches back to. */
  async removeBefore(index: number): Promise<void> {
    for (const file of await this.#list()) {
      if (file.index < index) await this.#fileSystem.remove(`${FOLDER}/${file.name}`);
    }
  }

  /** By index. */
  async #list(): Promise<{ readonly name: string; readonly index: number; readonly term: number }[]> {
    const names = await this.#fileSystem.list(FOLDER);
    return names
      .filter((name) => !name.endsWith(UNFINISHED))
      .map((name) => {
        const [index, term] = name.split('-').map(Number) as [number, number];
        return { name, index, term };
      });
  }
}

function nameOf(index: number, term: number): string {
  return `${String(index).padStart(9, '0')}-${String(term).padStart(9, '0')}`;
}
