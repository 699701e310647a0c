/** Something that runs statements: the store, a transaction, a session. */
export interface Queryable {
  /**
   * Runs one statement with `$1`… filled in from `values`. bigint comes back as number, jsonb as what it holds.
   *
   * @throws DispatchError DATABASE_UNAVAILABLE or DISK_FULL on an outage; pg's DatabaseError when the statement is wrong
   */
  query<Row = Record<string, unknown>>(text: string, values?: readonly unknown[]): Promise<Row[]>;
}
