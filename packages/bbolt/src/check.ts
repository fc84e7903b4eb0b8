import { corrupt } from './errors.js';
import type { PageFile } from './page-file.js';
import { PageSet } from './page-set.js';
import { leaves } from './tree.js';

/**
 * Walks every bucket and the freelist: every page is in one place of one tree, or of the freelist, or free. Takes a few bits
 * a page of memory, and one number for each bucket not yet walked.
 *
 * @throws BboltError `BBOLT_CORRUPT`
 */
export async function checkFile(file: PageFile): Promise<void> {
  const { root, freelist, pageCount } = file.meta;
  const used = new PageSet(pageCount);
  used.add(0);
  used.add(1);
  const free = freelist === undefined ? undefined : await readFreelist(file, freelist, used);
  const roots = [root];
  for (let next = roots.pop(); next !== undefined; next = roots.pop()) {
    for await (const leaf of leaves(file, next, used)) {
      if (next !== root && !leaf.hasBuckets) continue;
      for (let i = 0; i < leaf.count; i++) {
        if (leaf.isBucket(i)) {
          const bucket = leaf.bucket(i);
          if (typeof bucket !== 'number') continue;
          if (!file.isPage(bucket)) throw leaf.corrupt(`the root page of bucket ${i} is ${bucket}, which cannot be`);
          roots.push(bucket);
        } else if (next === root) throw leaf.corrupt(`element ${i} is a record outside of every bucket`);
      }
    }
  }
  for (let id = 2; id < pageCount; id++) {
    if (free?.has(id) === true && used.has(id)) throw corrupt(id, file.offset(id), 'it is in use and free');
    if (free?.has(id) === false && !used.has(id)) throw corrupt(id, file.offset(id), 'it is neither in use nor free');
  }
}

async function readFreelist(file: PageFile, id: number, used: PageSet): Promise<PageSet> {
  const { pages, ids } = await file.freelist(id);
  for (let i = 0; i < pages; i++) used.add(id + i);
  const free = new PageSet(file.meta.pageCount);
  for await (const chunk of ids) {
    for (const each of chunk) {
      if (!file.isPage(each)) throw corrupt(id, file.offset(id), `it lists ${each}, which is no page`);
      if (!free.add(each)) throw corrupt(id, file.offset(id), `it lists page ${each} twice`);
    }
  }
  return free;
}
