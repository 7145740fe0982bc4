/**
 * The real log: pino behind `sys/log.ts`. One line of JSON an event, or a line for people on a
 * terminal, written by a stream in this process (no worker, so that a crash loses nothing).
 * A field named `error` is written with its code, message and cause.
 */
import type { Writable } from 'node:stream';
import { destination, pino, stdTimeFunctions } from 'pino';
import type { DestinationStream, Logger as PinoLogger } from 'pino';
import { PinoPretty } from 'pino-pretty';
import type { LogFields, Logger } from '../log.ts';

export type LogLevel = 'error' | 'warn' | 'info' | 'debug';

export interface LoggerOptions {
  readonly level: LogLevel;
  /** `auto`: pretty when `isTerminal`, else JSON. */
  readonly format: 'auto' | 'json' | 'pretty';
  readonly isTerminal: boolean;
  /** Fields of every line. */
  readonly fields: LogFields;
  /** Takes the lines instead of the standard output (tests). */
  readonly target?: Writable | undefined;
}

const causesMax = 4;

/** An error as plain data, with at most `causesMax` causes below it. */
function describeError(value: unknown, depth = 0): unknown {
  if (!Error.isError(value)) {
    return value;
  }
  const extra = value as { code?: unknown; facts?: unknown };
  return {
    message: value.message,
    ...(extra.code === undefined ? {} : { code: extra.code }),
    ...(extra.facts === undefined ? {} : { facts: extra.facts }),
    ...(value.cause === undefined || depth === causesMax
      ? {}
      : { cause: describeError(value.cause, depth + 1) }),
    ...(depth === 0 ? { stack: value.stack } : {}),
  };
}

class PinoBackedLogger implements Logger {
  readonly #pino: PinoLogger;

  constructor(inner: PinoLogger) {
    this.#pino = inner;
  }

  error(message: string, fields: LogFields = {}): void {
    this.#pino.error(fields, message);
  }

  warn(message: string, fields: LogFields = {}): void {
    this.#pino.warn(fields, message);
  }

  info(message: string, fields: LogFields = {}): void {
    this.#pino.info(fields, message);
  }

  debug(message: string, fields: LogFields = {}): void {
    this.#pino.debug(fields, message);
  }

  child(fields: LogFields): Logger {
    return new PinoBackedLogger(this.#pino.child(fields));
  }
}

function openStream(options: LoggerOptions): DestinationStream {
  const isPretty = options.format === 'pretty' || (options.format === 'auto' && options.isTerminal);
  if (!isPretty) {
    return options.target ?? destination({ fd: 1, sync: true });
  }
  return PinoPretty({
    colorize: options.isTerminal,
    destination: options.target ?? 1,
    ignore: 'pid,hostname',
    sync: true,
    translateTime: 'SYS:HH:MM:ss.l',
  });
}

/** Opens the log of a process. */
export function createLogger(options: LoggerOptions): Logger {
  const inner = pino(
    {
      base: options.fields,
      formatters: { level: (label) => ({ level: label }) },
      level: options.level,
      messageKey: 'message',
      serializers: { error: (value: unknown) => describeError(value) },
      timestamp: stdTimeFunctions.isoTime,
    },
    openStream(options),
  );
  return new PinoBackedLogger(inner);
}
