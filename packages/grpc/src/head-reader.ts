import { type RequestHead, readHead } from './head.js';
import { HeadCache } from './head-cache.js';
import { HpackDecoder } from './hpack/decoder.js';
import type { GrpcLimits } from './limits.js';
import type { Method } from './method.js';

/** What a header block was. */
export type ReadHead = RequestHead | 'malformed' | 'too large';

const TABLE_BYTES = 4096;

/** Reads the header blocks of one connection, in order; one that came before, in the same bytes, without decoding it. */
export class HeadReader {
  readonly #decoder: HpackDecoder;
  readonly #methods: ReadonlyMap<string, Method>;
  readonly #cache = new HeadCache();

  constructor(methods: ReadonlyMap<string, Method>, limits: GrpcLimits) {
    this.#methods = methods;
    this.#decoder = new HpackDecoder({
      maxTableBytes: TABLE_BYTES,
      maxListBytes: limits.maxHeaderListBytes,
      maxFields: limits.maxHeaderFields,
    });
  }

  /** @throws HpackError */
  request(bytes: Buffer, start: number, end: number): ReadHead {
    const { table } = this.#decoder;
    const { version } = table;
    const known = this.#cache.find(bytes, start, end, version);
    if (known !== undefined) return known;
    const { fields, tooLarge } = this.#decoder.decode(bytes, start, end);
    if (tooLarge) return 'too large';
    const head = readHead(fields, this.#methods);
    if (head === undefined) return 'malformed';
    // A block that changes the table does not mean the same a second time.
    if (table.version === version) this.#cache.add(bytes, start, end, version, head);
    return head;
  }

  /** A block whose content does not matter, but those after it depend on it. @throws HpackError */
  skip(bytes: Buffer, start: number, end: number): void {
    this.#decoder.decode(bytes, start, end);
  }
}
