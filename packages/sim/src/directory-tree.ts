import type { Random } from '@kontiki/std';
import { FileContents, TEARS } from './file-contents.js';

/** An error as Node's file system throws it. */
export function systemError(code: string, operation: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${operation} '${path}'`), { code });
}

/** A change of names that is whole or not there: a rename takes one name away and gives another. */
interface NameChange {
  readonly parts: readonly { readonly folder: Folder; readonly name: string; readonly node: Node | undefined }[];
  durable: boolean;
}

type Node = FileContents | Folder;

/** Invariant: the durable names and the changes not durable yet, in order, give the names that are seen. */
class Folder {
  readonly names: Map<string, Node> = new Map();
  readonly durable: Map<string, Node> = new Map();
  changes: NameChange[] = [];
  /** How many changes came before those. */
  settled = 0;
}

/** Folders and the files in them, as they are seen and as they are kept. Paths are separated by `/`. */
export class DirectoryTree {
  #root: Folder = new Folder();

  /** The node at the path; undefined when there is none. */
  #find(path: string): Node | undefined {
    let node: Node | undefined = this.#root;
    for (const name of partsOf(path)) node = node instanceof Folder ? node.names.get(name) : undefined;
    return node;
  }

  exists(path: string): boolean {
    return this.#find(path) !== undefined;
  }

  file(path: string, operation: string): FileContents {
    const node = this.#find(path);
    if (node === undefined) throw systemError('ENOENT', operation, path);
    if (node instanceof Folder) throw systemError('EISDIR', operation, path);
    return node;
  }

  /** Every file that is seen, with its path, in the order of their names. */
  *files(): Generator<readonly [path: string, file: FileContents]> {
    yield* walk(this.#root, '');
  }

  list(directory: string): readonly string[] {
    return [...this.#folder(directory, 'list').names.keys()].sort();
  }

  create(path: string): FileContents {
    if (this.exists(path)) throw systemError('EEXIST', 'open', path);
    const file = new FileContents();
    this.#change([{ ...this.#place(path, 'open'), node: file }]);
    return file;
  }

  makeDirectory(directory: string): void {
    let folder = this.#root;
    for (const name of partsOf(directory)) {
      let next = folder.names.get(name);
      if (next instanceof FileContents) throw systemError('EEXIST', 'makeDirectory', directory);
      if (next === undefined) {
        next = new Folder();
        this.#change([{ folder, name, node: next }]);
      }
      folder = next;
    }
  }

  rename(from: string, to: string): void {
    const node = this.#find(from);
    if (node === undefined) throw systemError('ENOENT', 'rename', from);
    const target = this.#find(to);
    if (target instanceof Folder) {
      if (!(node instanceof Folder)) throw systemError('EISDIR', 'rename', to);
      if (target.names.size > 0) throw systemError('ENOTEMPTY', 'rename', to);
    } else if (target !== undefined && node instanceof Folder) throw systemError('ENOTDIR', 'rename', to);
    this.#change([
      { ...this.#place(from, 'rename'), node: undefined },
      { ...this.#place(to, 'rename'), node },
    ]);
  }

  remove(path: string): void {
    this.file(path, 'remove');
    this.#change([{ ...this.#place(path, 'remove'), node: undefined }]);
  }

  /** Begins a sync: what it returns makes the changes of names in the folder up to now durable. */
  sync(directory: string): () => void {
    const folder = this.#folder(directory, 'syncDirectory');
    const upTo = folder.settled + folder.changes.length;
    return () => {
      if (upTo <= folder.settled) return;
      settle(folder.changes.splice(0, upTo - folder.settled));
      folder.settled = upTo;
    };
  }

  /** What is found when the power is back: of the changes of names in each folder the first few, of files what is left. */
  afterPowerCut(random: Random): DirectoryTree {
    const after = new DirectoryTree();
    cutNames(this.#root, random);
    after.#root = found(this.#root, random);
    return after;
  }

  #change(parts: NameChange['parts']): void {
    const change: NameChange = { parts, durable: false };
    for (const { folder, name, node } of parts) {
      if (node === undefined) folder.names.delete(name);
      else folder.names.set(name, node);
      if (folder.changes.at(-1) !== change) folder.changes.push(change);
    }
  }

  #folder(directory: string, operation: string): Folder {
    const node = this.#find(directory);
    if (node === undefined) throw systemError('ENOENT', operation, directory);
    if (!(node instanceof Folder)) throw systemError('ENOTDIR', operation, directory);
    return node;
  }

  #place(path: string, operation: string): { readonly folder: Folder; readonly name: string } {
    const parts = partsOf(path);
    const name = parts.pop();
    if (name === undefined) throw systemError('EBUSY', operation, path);
    return { folder: this.#folder(parts.join('/'), operation), name };
  }
}

function partsOf(path: string): string[] {
  return path.split('/').filter((part) => part !== '' && part !== '.');
}

function* walk(folder: Folder, path: string): Generator<readonly [string, FileContents]> {
  for (const name of [...folder.names.keys()].sort()) {
    const node = folder.names.get(name)!;
    if (node instanceof Folder) yield* walk(node, `${path}/${name}`);
    else yield [`${path}/${name}`, node];
  }
}

function settle(changes: readonly NameChange[]): void {
  for (const change of changes) {
    // A rename between folders became durable with the other one.
    if (change.durable) continue;
    change.durable = true;
    for (const { folder, name, node } of change.parts) {
      if (node === undefined) folder.durable.delete(name);
      else folder.durable.set(name, node);
    }
  }
}

function cutNames(folder: Folder, random: Random): void {
  if (folder.changes.length > 0) settle(folder.changes.slice(0, random.int(folder.changes.length + 1)));
  for (const node of folder.durable.values()) if (node instanceof Folder) cutNames(node, random);
}

function found(folder: Folder, random: Random): Folder {
  const after = new Folder();
  for (const name of [...folder.durable.keys()].sort()) {
    const node = folder.durable.get(name)!;
    const copy =
      node instanceof Folder ? found(node, random) : node.afterPowerCut(random, TEARS[random.int(TEARS.length)]!);
    after.names.set(name, copy);
    after.durable.set(name, copy);
  }
  return after;
}
