/** What reading a piece of configuration gives: a value, or what is wrong with it in words that end a sentence. */
export type Parsed<T> = { readonly value: T } | { readonly problem: string };
