import { pino } from 'pino';

/** What belongs beside a log line: ids that join lines, figures with their unit in the name. Never a secret. */
export type LogData = Record<string, unknown>;

/** Engineers' log: constant words with data beside them. */
export interface Log {
  debug(message: string, data?: LogData): void;
  info(message: string, data?: LogData): void;
  warn(message: string, data?: LogData): void;
  error(message: string, data?: LogData): void;
  /** A log whose lines carry this data as well. */
  with(data: LogData): Log;
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

/** Names of fields whose values never reach the log, wherever they stand in the data, two levels deep. */
const SECRETS = ['password', 'token', 'ha1', 'secret', 'authorization', 'cookie'];

/** Characters of lines that wait for the disk; further lines are dropped. */
const CHARACTERS_WAITING = 4 * 1024 * 1024;

/** Opens the log: JSON lines on standard output, or in the file named. */
export function openLog(level: LogLevel = 'info', file?: string): Log {
  const paths = SECRETS.flatMap((name) => [name, `*.${name}`, `*.*.${name}`]);
  const options = { level, base: null, redact: { paths, censor: '[secret]' } };
  if (!file) return wrap(pino(options));
  const destination = pino.destination({ dest: file, mkdir: true, sync: false, maxLength: CHARACTERS_WAITING });
  // Unheard, the error of a full disk would end the process. What cannot be written is kept up to the limit, then dropped.
  destination.on('error', () => {});
  return wrap(pino(options, destination));
}

/** A log that keeps silent. */
export const silentLog: Log = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  with: () => silentLog,
};

function wrap(logger: pino.Logger): Log {
  return {
    debug: (message, data) => logger.debug(plain(data), message),
    info: (message, data) => logger.info(plain(data), message),
    warn: (message, data) => logger.warn(plain(data), message),
    error: (message, data) => logger.error(plain(data), message),
    with: (data) => wrap(logger.child(plain(data))),
  };
}

/** Errors print as message, code and stack wherever they stand in the data. */
function plain(data: LogData = {}): LogData {
  return Object.fromEntries(
    Object.entries(data).map(([key, value]) => [key, value instanceof Error ? pino.stdSerializers.err(value) : value]),
  );
}
