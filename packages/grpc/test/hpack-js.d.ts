declare module 'hpack.js' {
  interface Field {
    readonly name: string;
    readonly value: string;
    readonly huffman?: boolean;
    readonly incremental?: boolean;
    readonly neverIndex?: boolean;
  }
  interface Table {
    readonly table: { readonly maxSize: number };
  }
  interface Compressor {
    write(fields: readonly Field[]): void;
    read(): Buffer | null;
    updateTableSize(bytes: number): void;
  }
  interface Decompressor {
    write(bytes: Buffer): void;
    execute(): void;
    read(): Field | null;
    updateTableSize(bytes: number): void;
  }
  const hpack: {
    readonly compressor: { create(options: { readonly table: { readonly maxSize: number } }): Compressor };
    readonly decompressor: { create(options: { readonly table: { readonly maxSize: number } }): Decompressor };
  };
  export default hpack;
  export type { Compressor, Decompressor, Field, Table };
}
