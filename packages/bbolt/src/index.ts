/**
 * bbolt database files: read page by page with every page checked, checked as a whole, written as one stream. It knows
 * nothing of what the buckets and records mean.
 *
 * @packageDocumentation
 */

export { BboltError, type BboltErrorCode, type BboltErrorOptions } from './errors.js';
export { fileSink, fileSource, type PageSink, type PageSource, type Records } from './ports.js';
export { type BucketPath, DatabaseReader, type RecordsOptions } from './reader.js';
export { DatabaseWriter, type WriterOptions } from './writer.js';
