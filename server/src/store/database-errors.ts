import pg from 'pg';
import { DispatchError } from '#kernel/errors.ts';

/** SQLSTATE classes and codes after which the same statement may well succeed later (PostgreSQL, appendix A). */
const OUTAGE = /^(08|57P|53[03]|25006|57014|55P03)/;
const DISK_FULL = '53100';
const SOCKET_CODES = /^(ECONN|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_AGAIN|EHOST|ENET)/;
const CLIENT_WORDS =
  /Connection terminated|timeout exceeded when trying to connect|timeout expired|Client has encountered|Query read timeout|pool after calling end|not queryable/i;

/**
 * What a failed statement means to the rest of the house: DATABASE_UNAVAILABLE and DISK_FULL are outages that pass;
 * everything else is the statement's own fault and stays as PostgreSQL put it.
 */
export function explain(error: unknown): unknown {
  if (error instanceof DispatchError || !(error instanceof Error)) return error;
  const code = (error as { code?: unknown }).code;
  if (code === DISK_FULL) return new DispatchError('DISK_FULL', undefined, { cause: error });
  const isOutage =
    error instanceof pg.DatabaseError
      ? typeof code === 'string' && OUTAGE.test(code)
      : (typeof code === 'string' && SOCKET_CODES.test(code)) || CLIENT_WORDS.test(error.message);
  return isOutage ? new DispatchError('DATABASE_UNAVAILABLE', error.message, { cause: error }) : error;
}

/** An outage that passes, as against a mistake in the statement. */
export function isOutage(error: unknown): error is DispatchError {
  return error instanceof DispatchError && (error.code === 'DATABASE_UNAVAILABLE' || error.code === 'DISK_FULL');
}
