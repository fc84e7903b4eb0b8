import type { Backend, Records, ScanOptions } from '@kontiki/mvcc';

/**
 * The backend in use, for everything that keeps a reference to it while it is replaced: a member that lagged too far
 * gets its whole state as another database.
 */
export class BackendSlot implements Backend {
  #current: Backend;

  constructor(current: Backend) {
    this.#current = current;
  }

  get current(): Backend {
    return this.#current;
  }

  /** @returns the one that was in use: closing it is the caller's */
  swap(next: Backend): Backend {
    const before = this.#current;
    this.#current = next;
    return before;
  }

  get(table: string, key: Uint8Array): Uint8Array | undefined {
    return this.#current.get(table, key);
  }
  put(table: string, key: Uint8Array, value: Uint8Array): void {
    this.#current.put(table, key, value);
  }
  delete(table: string, key: Uint8Array, valueBytes?: number): void {
    this.#current.delete(table, key, valueBytes);
  }
  scan(table: string, options?: ScanOptions): AsyncIterable<Records> {
    return this.#current.scan(table, options);
  }
  tables(): readonly string[] {
    return this.#current.tables();
  }
  commit(options?: { readonly sync?: boolean }): Promise<void> {
    return this.#current.commit(options);
  }
  get pending(): Backend['pending'] {
    return this.#current.pending;
  }
  sizeBytes(): number {
    return this.#current.sizeBytes();
  }
  sizeInUseBytes(): number {
    return this.#current.sizeInUseBytes();
  }
  defragment(): Promise<void> {
    return this.#current.defragment();
  }
  close(): Promise<void> {
    return this.#current.close();
  }
}
