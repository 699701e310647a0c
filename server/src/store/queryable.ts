/**
 * SQL text; with a name of its own, it is read and planned once per connection (PREPARE) and not each time: for what runs
 * with every call.
 */
export type Statement = string | { name: string; text: string };

/** Something that runs statements: the store, a transaction, a session. */
export interface Queryable {
  /**
   * Runs one statement with `$1`… filled in from `values`. bigint comes back as number, jsonb as what it holds.
   *
   * @throws DispatchError DATABASE_UNAVAILABLE or DISK_FULL on an outage; pg's DatabaseError when the statement is wrong
   */
  query<Row = Record<string, unknown>>(statement: Statement, values?: readonly unknown[]): Promise<Row[]>;
}

/** As pg takes it. */
export const withValues = (statement: Statement, values: readonly unknown[]) =>
  typeof statement === 'string'
    ? { text: statement, values: values as unknown[] }
    : { ...statement, values: values as unknown[] };
