import { compare } from '@kontiki/std';
import { corrupt } from './errors.js';
import type { PageFile, Window } from './page-file.js';
import type { PageSet } from './page-set.js';
import type { TreePage } from './tree-page.js';

/** Levels a tree may have. A branch splits in two at least, so no file is large enough for more. */
const MAX_DEPTH = 64;

/** A branch on the way down, and where among its children we are. */
interface Frame {
  readonly children: readonly number[];
  /** keys[i] ≤ every key below children[i] < keys[i + 1]; undefined where nothing bounds them. */
  readonly keys: readonly (Uint8Array | undefined)[];
  next: number;
  windows: readonly Window[];
}

/**
 * The leaves of a tree, in key order. Holds a branch and a window of pages a level.
 *
 * @param root  its page, not yet checked
 * @param seen  pages reached before; these are added: a page has one place only
 * @throws BboltError `BBOLT_CORRUPT`, also when keys are not where the branches say
 */
export async function* leaves(file: PageFile, root: number, seen: PageSet): AsyncGenerator<TreePage, void, undefined> {
  const stack = [only(root, undefined, undefined)];
  for (let frame = stack.at(-1); frame !== undefined; frame = stack.at(-1)) {
    if (frame.next === frame.children.length) {
      stack.pop();
      continue;
    }
    const page = await visit(file, frame, seen);
    if (page.isLeaf) yield page;
    else if (stack.length === MAX_DEPTH) throw tooDeep(page);
    else stack.push(below(page, frame.keys[frame.next]));
  }
}

/**
 * The leaf that holds `key` if any does. Reads a page a level.
 * @throws BboltError `BBOLT_CORRUPT`
 */
export async function leafFor(file: PageFile, root: number, key: Uint8Array, seen: PageSet): Promise<TreePage> {
  let frame = only(root, undefined, undefined);
  for (let depth = 1; ; depth++) {
    const page = await visit(file, frame, seen);
    if (page.isLeaf) return page;
    if (depth === MAX_DEPTH) throw tooDeep(page);
    const { children, keys } = below(page, frame.keys[frame.next]);
    // The last child whose key is not behind ours, and the first for what comes before all.
    let [low, high] = [0, page.count];
    while (low + 1 < high) {
      const middle = (low + high) >>> 1;
      if (compare(keys[middle]!, key) <= 0) low = middle;
      else high = middle;
    }
    frame = only(children[low]!, keys[low], keys[low + 1]);
  }
}

function only(child: number, key: Uint8Array | undefined, bound: Uint8Array | undefined): Frame {
  return { children: [child], keys: [key, bound], next: 0, windows: [] };
}

function below(branch: TreePage, bound: Uint8Array | undefined): Frame {
  const indexes = Array.from({ length: branch.count }, (_, i) => i);
  const keys = [...indexes.map((i) => branch.key(i)), bound];
  return { children: indexes.map((i) => branch.child(i)), keys, next: 0, windows: [] };
}

/** The next child of the frame, checked in itself and against its place. */
async function visit(file: PageFile, frame: Frame, seen: PageSet): Promise<TreePage> {
  const index = frame.next++;
  const id = frame.children[index]!;
  if (!file.isPage(id)) throw corrupt(id, file.offset(id), 'a bucket or branch has a page there, where none can be');
  const holds = ({ first, end }: Window): boolean => id >= first && id < end;
  let window = frame.windows.find(holds);
  if (window === undefined) {
    frame.windows = await file.windows(frame.children, index);
    // It begins with the page asked for.
    window = frame.windows[0]!;
  }
  const { page, pages } = await file.treePage(id, window);
  for (let i = 0; i < pages; i++) {
    if (!seen.add(id + i)) throw corrupt(id + i, file.offset(id + i), 'it is reached twice');
  }
  if (page.count === 0) return page;
  const [least, bound] = [frame.keys[index], frame.keys[index + 1]];
  if (least !== undefined && compare(page.key(0), least) < 0) {
    throw page.corrupt('its first key comes before the one its branch has for it');
  }
  if (bound !== undefined && compare(page.key(page.count - 1), bound) >= 0) {
    throw page.corrupt('its last key does not come before the next one in its branch');
  }
  return page;
}

function tooDeep(page: TreePage): Error {
  return page.corrupt(`its tree is more than ${MAX_DEPTH} levels deep`);
}
