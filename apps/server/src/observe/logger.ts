import type { LogFields, Logger } from '@kontiki/std';
import { pino } from 'pino';
import type { LoggingOptions, LogLevel, LogOutput } from '../config/options.js';
import { LogSink } from './log-sink.js';
import { FdTarget, type LogTarget } from './log-target.js';
import { printableFields } from './log-value.js';
import { RotatingFile } from './rotating-file.js';
import { WallTime } from './wall-time.js';

/** The server's log. Lines of one component carry its name as `caller`. */
export interface ServerLogger extends Logger {
  /** The same log under another `caller`, such as `storage/bootstrap`. */
  named(caller: string): Logger;
  /** The last words of a process; write-through. */
  fatal(message: string, fields?: LogFields): void;
  /** Writes what waits, at once. For a process about to end without `close`. */
  flushSync(): void;
  /** Resolves when every line is written, or lost for good. Later lines go nowhere. */
  close(): Promise<void>;
}

/** Levels from the least serious; a line below the threshold is not even formatted. */
const RANK: Readonly<Record<LogLevel, number>> = { debug: 0, info: 1, warn: 2, error: 3, panic: 4, fatal: 5 };

type Spoken = 'debug' | 'info' | 'warn' | 'error' | 'fatal';
type Format = (level: Spoken, caller: string, message: string, fields: Record<string, unknown>) => void;

/**
 * Opens every output.
 *
 * @param time for tests
 * @throws an Error with a message for people when an output cannot be opened
 */
export function openLogger(options: LoggingOptions, time: WallTime = new WallTime()): ServerLogger {
  const sinks: LogSink[] = [];
  const say: Format = format(options.format, time, (line) => {
    for (const sink of sinks) sink.write(line);
  });
  const trouble = (error: unknown): void =>
    say('warn', 'observe/logger', 'log rotation failed', printableFields({ error }));
  for (const output of options.outputs) {
    const lost = (count: number): string =>
      lineOf(options.format, time, 'warn', 'observe/logger', 'log lines were lost', { count });
    sinks.push(new LogSink(openTarget(output, options, trouble), lost));
  }
  return new Log(say, RANK[options.level], sinks);
}

function openTarget(output: LogOutput, options: LoggingOptions, onTrouble: (error: unknown) => void): LogTarget {
  if (output.kind !== 'file') return FdTarget.standard(output.kind);
  try {
    return options.rotation === undefined
      ? FdTarget.file(output.path, 0o644)
      : new RotatingFile(output.path, options.rotation, onTrouble);
  } catch (error) {
    throw new Error(`cannot open log output "${output.path}": ${(error as Error).message}`, { cause: error });
  }
}

class Log implements ServerLogger {
  readonly #say: Format;
  readonly #threshold: number;
  readonly #sinks: readonly LogSink[];
  readonly #caller: string;

  constructor(say: Format, threshold: number, sinks: readonly LogSink[], caller = 'server') {
    this.#say = say;
    this.#threshold = threshold;
    this.#sinks = sinks;
    this.#caller = caller;
  }

  named(caller: string): Logger {
    return new Log(this.#say, this.#threshold, this.#sinks, caller);
  }

  debug(message: string, fields?: LogFields): void {
    this.#line('debug', message, fields);
  }

  info(message: string, fields?: LogFields): void {
    this.#line('info', message, fields);
  }

  warn(message: string, fields?: LogFields): void {
    this.#line('warn', message, fields);
  }

  error(message: string, fields?: LogFields): void {
    this.#line('error', message, fields);
  }

  fatal(message: string, fields?: LogFields): void {
    this.#line('fatal', message, fields);
    this.flushSync();
  }

  flushSync(): void {
    for (const sink of this.#sinks) sink.flushSync();
  }

  async close(): Promise<void> {
    await Promise.all(this.#sinks.map((sink) => sink.close()));
  }

  #line(level: Spoken, message: string, fields: LogFields | undefined): void {
    if (RANK[level] < this.#threshold) return;
    this.#say(level, this.#caller, message, printableFields(fields));
  }
}

function format(kind: LoggingOptions['format'], time: WallTime, write: (line: string) => void): Format {
  if (kind === 'console') {
    return (level, caller, message, fields) => write(lineOf(kind, time, level, caller, message, fields));
  }
  // zap's shape: level by name, `ts`, and the message among the fields, in front of them.
  const logger = pino(
    {
      base: null,
      level: 'trace',
      formatters: { level: (label) => ({ level: label }) },
      timestamp: () => `,"ts":"${time.now()}"`,
    },
    { write },
  );
  return (level, caller, message, fields) => logger[level]({ caller, msg: message, ...fields });
}

function lineOf(
  kind: LoggingOptions['format'],
  time: WallTime,
  level: Spoken,
  caller: string,
  message: string,
  fields: Record<string, unknown>,
): string {
  if (kind === 'json') return `${JSON.stringify({ level, ts: time.now(), caller, msg: message, ...fields })}\n`;
  const columns = [time.now(), level, caller, oneLine(message)];
  if (Object.keys(fields).length > 0) columns.push(JSON.stringify(fields));
  return `${columns.join('\t')}\n`;
}

/** Nobody's text starts a line of its own. */
function oneLine(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  return /[\u0000-\u001f\u007f]/.test(text) ? JSON.stringify(text).slice(1, -1) : text;
}
