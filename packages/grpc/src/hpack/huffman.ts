/**
 * The fixed Huffman code of HPACK. Only the lengths are written down: the code is canonical, so codes of one length
 * follow each other in the order of their symbols, shorter ones first. @see RFC 7541 App. B
 */
const CODE_LENGTHS: readonly number[] = [
  13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28,
  28, 28, 28, 6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
  13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6, 15, 5, 6, 5, 6,
  5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28, 20, 22, 20, 20, 22, 22, 22, 23,
  22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24, 22, 21, 20, 22, 22,
  23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23, 26, 26,
  20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27,
  27, 20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27,
  27, 27, 27, 26, 30,
];
const END_OF_STRING = 256;
const FAILED = -1;
const NO_SYMBOL = -1;

/** Per symbol its code, right-aligned. */
const CODES: Uint32Array = assignCodes();
/** Per state and half byte: what follows. A state is a node of the code tree; one half byte ends at most one symbol. */
const { next: NEXT, symbol: SYMBOL, padding: PADDING } = buildStates();

function assignCodes(): Uint32Array {
  const codes = new Uint32Array(CODE_LENGTHS.length);
  let code = 0;
  for (let length = 1; length <= 30; length++) {
    for (let symbol = 0; symbol < CODE_LENGTHS.length; symbol++) {
      if (CODE_LENGTHS[symbol] === length) codes[symbol] = code++;
    }
    code *= 2;
  }
  return codes;
}

function buildStates(): { next: Int16Array; symbol: Int16Array; padding: Uint8Array } {
  // The tree: two children a node; a leaf is stored as -1 - symbol.
  const children: number[][] = [[0, 0]];
  for (let symbol = 0; symbol < CODE_LENGTHS.length; symbol++) {
    let node = 0;
    for (let bit = CODE_LENGTHS[symbol]! - 1; bit >= 0; bit--) {
      const side = (CODES[symbol]! >>> bit) & 1;
      if (bit === 0) children[node]![side] = -1 - symbol;
      else {
        if (children[node]![side] === 0) children[node]![side] = children.push([0, 0]) - 1;
        node = children[node]![side]!;
      }
    }
  }
  const next = new Int16Array(children.length * 16);
  const symbols = new Int16Array(children.length * 16).fill(NO_SYMBOL);
  for (let state = 0; state < children.length; state++) {
    for (let half = 0; half < 16; half++) {
      let node = state;
      for (let bit = 3; bit >= 0 && node !== FAILED; bit--) {
        const child = children[node]![(half >>> bit) & 1]!;
        if (child >= 0) node = child;
        else if (-1 - child === END_OF_STRING) node = FAILED;
        else {
          symbols[state * 16 + half] = -1 - child;
          node = 0;
        }
      }
      next[state * 16 + half] = node;
    }
  }
  // Padding is the begin of the end-of-string code, all ones, shorter than a byte. @see RFC 7541 §5.2
  const padding = new Uint8Array(children.length);
  let node = 0;
  for (let ones = 0; ones < 8; ones++) {
    padding[node] = 1;
    node = children[node]![1]!;
  }
  return { next, symbol: symbols, padding };
}

/**
 * Decodes `bytes[start, end)` into `into`, which must hold 8/5 of it.
 * @returns how many bytes it became; -1 when it is no such code
 */
export function decodeHuffman(bytes: Uint8Array, start: number, end: number, into: Uint8Array): number {
  let state = 0;
  let length = 0;
  for (let at = start; at < end; at++) {
    const byte = bytes[at]!;
    let step = state * 16 + (byte >>> 4);
    state = NEXT[step]!;
    if (state === FAILED) return -1;
    if (SYMBOL[step] !== NO_SYMBOL) into[length++] = SYMBOL[step]!;
    step = state * 16 + (byte & 15);
    state = NEXT[step]!;
    if (state === FAILED) return -1;
    if (SYMBOL[step] !== NO_SYMBOL) into[length++] = SYMBOL[step]!;
  }
  return PADDING[state] === 1 ? length : -1;
}

/** The code of a latin1 string, padded to whole bytes. */
export function encodeHuffman(text: string): Uint8Array {
  let bits = 0;
  for (let i = 0; i < text.length; i++) bits += CODE_LENGTHS[text.charCodeAt(i) & 0xff]!;
  const bytes = new Uint8Array((bits + 7) >>> 3);
  // All ones to begin with: what no code covers is padding.
  bytes.fill(0xff);
  let at = 0;
  for (let i = 0; i < text.length; i++) {
    const symbol = text.charCodeAt(i) & 0xff;
    for (let bit = CODE_LENGTHS[symbol]! - 1; bit >= 0; bit--, at++) {
      if (((CODES[symbol]! >>> bit) & 1) === 0) bytes[at >>> 3]! &= ~(0x80 >>> (at & 7));
    }
  }
  return bytes;
}
