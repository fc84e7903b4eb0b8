import { BUCKET_BYTES, HEADER_BYTES, MAX_COUNT, MIN_SPLIT_COUNT, viewOf, writeU64 } from './page.js';
import { type BranchElement, elementBytes, inlineLeaf, type LeafElement, type PageWriter } from './page-writer.js';

/** The pages of a level of branches that are not yet written. */
interface Level {
  /** A page that is full. Held back, because the last page may need one of its elements. */
  full: BranchElement[] | undefined;
  open: BranchElement[];
  openBytes: number;
  /** Any page of this level was written. */
  written: boolean;
}

/**
 * Writes a tree from elements in key order, its leaves and, as they become full, the branches above them. Holds a leaf,
 * and two branches a level.
 *
 * Every page but the last of its level is filled to the threshold, and every branch has two children at least: bbolt
 * cannot delete from one that has fewer.
 */
export class TreeWriter {
  readonly #pages: PageWriter;
  readonly #threshold: number;
  readonly #levels: Level[] = [];
  #leaf: LeafElement[] = [];
  #leafBytes = HEADER_BYTES;

  /** @param fillBytes  how long a page may become, unless it has a single element or two */
  constructor(pages: PageWriter, fillBytes: number) {
    this.#pages = pages;
    this.#threshold = fillBytes;
  }

  /** Keys ascend; the caller has checked that. @returns something to wait for before the next call, when there is */
  add(element: LeafElement): Promise<void> | undefined {
    const bytes = elementBytes(element.key.length, element.value.length);
    const full = isFull(this.#leaf.length, this.#leafBytes + bytes, this.#threshold);
    const wait = full ? this.#closeLeaf() : undefined;
    this.#leaf.push(element);
    this.#leafBytes += bytes;
    return wait;
  }

  /**
   * Ends the tree of a bucket.
   * @returns the bucket as a value: its root page, or, as bbolt does up to a quarter of a page, all of it
   */
  async finishBucket(): Promise<Uint8Array> {
    if (this.#levels.length === 0 && this.#leafBytes <= this.#pages.pageSize / 4) {
      const page = inlineLeaf(this.#leaf);
      const value = new Uint8Array(BUCKET_BYTES + page.length);
      value.set(page, BUCKET_BYTES);
      return value;
    }
    const value = new Uint8Array(BUCKET_BYTES);
    writeU64(viewOf(value), 0, await this.finish());
    return value;
  }

  /** Ends the tree. @returns its root page */
  async finish(): Promise<number> {
    if (this.#leaf.length > 0 || this.#levels.length === 0) await this.#closeLeaf();
    for (let depth = 0; ; depth++) {
      const level = this.#levels[depth]!;
      const [first] = level.open;
      if (!level.written && level.full === undefined && level.open.length === 1) return first!.child;
      spread(level);
      if (level.full !== undefined) await this.#writeBranch(depth, level.full);
      await this.#writeBranch(depth, level.open);
    }
  }

  /** Takes the elements at once, so that the next ones may come while these are written. */
  #closeLeaf(): Promise<void> {
    const elements = this.#leaf;
    this.#leaf = [];
    this.#leafBytes = HEADER_BYTES;
    return this.#writeLeaf(elements);
  }

  async #writeLeaf(elements: readonly LeafElement[]): Promise<void> {
    const child = await this.#pages.leaf(elements);
    // An empty tree has an empty leaf, which is its root, so that no branch needs its key.
    await this.#addBranch(0, { key: elements[0]?.key ?? new Uint8Array(0), child });
  }

  async #addBranch(depth: number, element: BranchElement): Promise<void> {
    const level = (this.#levels[depth] ??= { full: undefined, open: [], openBytes: HEADER_BYTES, written: false });
    const bytes = elementBytes(element.key.length, 0);
    if (isFull(level.open.length, level.openBytes + bytes, this.#threshold)) {
      if (level.full !== undefined) await this.#writeBranch(depth, level.full);
      level.full = level.open;
      level.open = [];
      level.openBytes = HEADER_BYTES;
    }
    level.open.push(element);
    level.openBytes += bytes;
  }

  async #writeBranch(depth: number, elements: readonly BranchElement[]): Promise<void> {
    this.#levels[depth]!.written = true;
    await this.#addBranch(depth + 1, { key: elements[0]!.key, child: await this.#pages.branch(elements) });
  }
}

function isFull(count: number, bytesThen: number, threshold: number): boolean {
  return count >= MIN_SPLIT_COUNT && (bytesThen > threshold || count === MAX_COUNT);
}

/** Sees to it that the last page of a level is no branch with a single child. */
function spread(level: Level): void {
  const { full, open } = level;
  if (full === undefined || open.length >= MIN_SPLIT_COUNT) return;
  if (full.length > MIN_SPLIT_COUNT) {
    open.unshift(full.pop()!);
  } else {
    level.open = [...full, ...open];
    level.full = undefined;
  }
}
