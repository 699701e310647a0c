import pg from 'pg';
import { explain } from './database-errors.ts';
import { type Queryable, type Statement, withValues } from './queryable.ts';

/** One connection for as long as it lasts. It does not come back by itself: open another. */
export interface StoreSession extends Queryable, AsyncDisposable {
  readonly isLost: boolean;
}

/**
 * Opens a connection outside the pool.
 *
 * @param onError hears of every statement that fails
 * @throws DispatchError DATABASE_UNAVAILABLE
 */
export async function openSession(
  config: pg.ClientConfig,
  onError: (error: unknown) => void = () => {},
): Promise<StoreSession> {
  const client = new pg.Client(config);
  let isLost = false;
  client.on('error', () => (isLost = true));
  client.on('end', () => (isLost = true));
  try {
    await client.connect();
  } catch (error) {
    throw explain(error);
  }
  return {
    get isLost() {
      return isLost;
    },
    async query<Row>(statement: Statement, values: readonly unknown[] = []) {
      try {
        return (await client.query(withValues(statement, values))).rows as Row[];
      } catch (thrown) {
        const error = explain(thrown);
        onError(error);
        throw error;
      }
    },
    async [Symbol.asyncDispose]() {
      await client.end().catch(() => {});
    },
  };
}
