/** Structured fields of one log line; values must be printable as JSON. */
export type LogFields = Readonly<Record<string, unknown>>;

/** Where log lines go, as a port. */
export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

const ignore = (): void => {};

/** Says nothing: the default of every library. */
export const silentLogger: Logger = { debug: ignore, info: ignore, warn: ignore, error: ignore };
