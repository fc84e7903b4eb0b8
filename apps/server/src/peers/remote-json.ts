/**
 * JSON whose integers may be larger than a number holds, as ids of members are: those of 16 digits and more come out as
 * texts.
 * @throws SyntaxError when it is not JSON
 */
export function parseJson(text: string): unknown {
  // Only what is JSON already can be cut into its strings and numbers this simply.
  JSON.parse(text);
  return JSON.parse(
    text.replace(/"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g, (token) =>
      /^-?\d{16,}$/.test(token) ? `"${token}"` : token,
    ),
  );
}

/** An id as {@link parseJson} gives it; undefined when it is none. */
export function idOf(value: unknown): bigint | undefined {
  if (typeof value === 'number' && Number.isSafeInteger(value)) return BigInt.asUintN(64, BigInt(value));
  return typeof value === 'string' && /^-?\d{16,20}$/.test(value) ? BigInt.asUintN(64, BigInt(value)) : undefined;
}
