import type { Random } from '@kontiki/std';
import { MemoryFile, type Tear } from './memory-file.js';

/** An Error as Node's file system throws them. */
export function systemError(code: string, operation: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${operation} '${path}'`), { code, path });
}

export class MemoryDirectory {
  readonly names: Map<string, MemoryNode> = new Map();
  readonly durable: Map<string, MemoryNode> = new Map();
}

export type MemoryNode = MemoryFile | MemoryDirectory;

/** One change of names, not yet durable. A rename is one change, in one folder or two: it happens whole or not at all. */
interface NameChange {
  readonly node: MemoryNode;
  readonly from?: { readonly directory: MemoryDirectory; readonly name: string };
  readonly to?: { readonly directory: MemoryDirectory; readonly name: string };
}

/** Folders and names: as processes see them, and as the disk has them. */
export class MemoryTree {
  readonly root: MemoryDirectory = new MemoryDirectory();
  #pending: NameChange[] = [];

  find(path: string): MemoryNode | undefined {
    let node: MemoryNode | undefined = this.root;
    for (const part of split(path)) node = node instanceof MemoryDirectory ? node.names.get(part) : undefined;
    return node;
  }

  /** @throws ENOENT, ENOTDIR */
  directory(path: string, operation: string): MemoryDirectory {
    const node = this.find(path);
    if (node === undefined) throw systemError('ENOENT', operation, path);
    if (!(node instanceof MemoryDirectory)) throw systemError('ENOTDIR', operation, path);
    return node;
  }

  add(path: string, node: MemoryNode, operation: string): void {
    this.#change({ node, to: this.#place(path, operation) });
  }

  remove(path: string): void {
    const node = this.find(path);
    if (node === undefined) throw systemError('ENOENT', 'remove', path);
    if (node instanceof MemoryDirectory) throw systemError('EISDIR', 'remove', path);
    this.#change({ node, from: this.#place(path, 'remove') });
  }

  rename(from: string, to: string): void {
    const node = this.find(from);
    if (node === undefined) throw systemError('ENOENT', 'rename', from);
    const replaced = this.find(to);
    if (replaced instanceof MemoryDirectory && replaced.names.size > 0) throw systemError('ENOTEMPTY', 'rename', to);
    this.#change({ node, from: this.#place(from, 'rename'), to: this.#place(to, 'rename') });
  }

  makeDirectories(path: string): void {
    let at = '';
    for (const part of split(path)) {
      at += `/${part}`;
      if (this.find(at) === undefined) this.add(at, new MemoryDirectory(), 'makeDirectory');
      else this.directory(at, 'makeDirectory');
    }
  }

  sync(directory: MemoryDirectory): void {
    const touches = (change: NameChange): boolean =>
      change.from?.directory === directory || change.to?.directory === directory;
    const nodes = new Set(this.#pending.filter(touches).map(({ node }) => node));
    // What happened before to a file renamed into or out of this folder is settled with it.
    const last = this.#pending.findLastIndex(touches);
    const settled = new Set(this.#pending.filter((change, i) => i <= last && nodes.has(change.node)));
    for (const change of settled) applyTo(change, 'durable');
    this.#pending = this.#pending.filter((change) => !settled.has(change));
  }

  syncAll(): void {
    for (const change of this.#pending) applyTo(change, 'durable');
    this.#pending = [];
  }

  *files(): Generator<readonly [path: string, file: MemoryFile]> {
    function* walk(path: string, directory: MemoryDirectory): Generator<readonly [string, MemoryFile]> {
      for (const [name, node] of [...directory.names].sort(([a], [b]) => (a < b ? -1 : 1))) {
        if (node instanceof MemoryFile) yield [`${path}/${name}`, node];
        else yield* walk(`${path}/${name}`, node);
      }
    }
    yield* walk('', this.root);
  }

  /** A copy as found after a power cut: of the changes not yet durable, any may have happened. */
  afterPowerCut(random: Random, tear: Tear): MemoryTree {
    const kept = this.#pending.filter(keeper(random, tear, this.#pending.length));
    const durable = new Map<MemoryDirectory, Map<string, MemoryNode>>();
    const namesOf = (directory: MemoryDirectory): Map<string, MemoryNode> => {
      const names = durable.get(directory) ?? new Map(directory.durable);
      durable.set(directory, names);
      return names;
    };
    for (const { node, from, to } of kept) {
      // A file whose first name was lost cannot be renamed or removed.
      if (from !== undefined && namesOf(from.directory).get(from.name) !== node) continue;
      if (from !== undefined) namesOf(from.directory).delete(from.name);
      if (to !== undefined) namesOf(to.directory).set(to.name, node);
    }
    const after = new MemoryTree();
    const copy = (source: MemoryDirectory, target: MemoryDirectory): void => {
      for (const [name, node] of [...namesOf(source)].sort(([a], [b]) => (a < b ? -1 : 1))) {
        const found = node instanceof MemoryFile ? node.afterPowerCut(random, tear) : new MemoryDirectory();
        if (node instanceof MemoryDirectory) copy(node, found as MemoryDirectory);
        target.names.set(name, found);
        target.durable.set(name, found);
      }
    };
    copy(this.root, after.root);
    return after;
  }

  #place(path: string, operation: string): { directory: MemoryDirectory; name: string } {
    const parts = split(path);
    const name = parts.pop();
    if (name === undefined) throw systemError('EINVAL', operation, path);
    return { directory: this.directory(parts.join('/'), operation), name };
  }

  #change(change: NameChange): void {
    applyTo(change, 'names');
    this.#pending.push(change);
  }
}

function applyTo({ node, from, to }: NameChange, names: 'names' | 'durable'): void {
  if (from !== undefined && from.directory[names].get(from.name) === node) from.directory[names].delete(from.name);
  if (to !== undefined) to.directory[names].set(to.name, node);
}

/** Which of `count` changes happened. A journaling file system keeps a first part of them; the port does not promise it. */
function keeper(random: Random, tear: Tear, count: number): (change: unknown, index: number) => boolean {
  if (tear === 'lost') return () => false;
  if (tear === 'kept') return () => true;
  const first = random.int(count + 1);
  return random.int(2) === 0 ? (_, index) => index < first : () => random.int(2) === 0;
}

function split(path: string): string[] {
  return path.split('/').filter((part) => part !== '' && part !== '.');
}
