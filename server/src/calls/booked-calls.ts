import type { Listenable } from '#kernel/emitter.ts';
import type { Queryable } from '#store/queryable.ts';

/** A call that is to be placed at a time. */
export interface BookedCall {
  id: string;
  /** Who is rung first. */
  from: string;
  to: string;
  at: number;
  bookedBy: string;
}

/** Whoever places booked calls at their time; tells of each that waits, and of each that no longer does. */
export interface Bookings extends Listenable<{ changed: [BookedCall]; removed: [id: string] }> {
  /** @throws DispatchError TOO_MANY_REQUESTS, DATABASE_UNAVAILABLE */
  book(booking: BookedCall): Promise<void>;
  /** Those that wait, the next first. */
  all(): BookedCall[];
  /** @throws DispatchError NOT_FOUND when none of this id waits */
  cancel(id: string): Promise<void>;
}

interface Row {
  id: string;
  caller: string;
  callee: string;
  at: Date;
  booked_by: string;
}

/** Booked calls, on disk: one is placed once, whatever happens to the server meanwhile. */
export class BookedCalls {
  readonly #store: Queryable;

  constructor(store: Queryable) {
    this.#store = store;
  }

  async book({ id, from, to, at, bookedBy }: BookedCall): Promise<void> {
    await this.#store.query(
      'insert into booked_calls (id, caller, callee, at, booked_by) values ($1, $2, $3, $4, $5)',
      [id, from, to, new Date(at), bookedBy],
    );
  }

  /** Those that wait, the next first. */
  async waiting(): Promise<BookedCall[]> {
    const rows = await this.#store.query<Row>(
      'select id, caller, callee, at, booked_by from booked_calls where placed_at is null and outcome is null order by at',
    );
    return rows.map((row) => ({
      id: row.id,
      from: row.caller,
      to: row.callee,
      at: row.at.getTime(),
      bookedBy: row.booked_by,
    }));
  }

  /** Says before it is dialled that it is: false when that has been said before, or it was called off. */
  async placing(id: string, at: number): Promise<boolean> {
    const rows = await this.#store.query<{ id: string }>(
      'update booked_calls set placed_at = $2 where id = $1 and placed_at is null and outcome is null returning id',
      [id, new Date(at)],
    );
    return rows.length === 1;
  }

  async ended(id: string, outcome: string): Promise<void> {
    await this.#store.query('update booked_calls set outcome = $2 where id = $1', [id, outcome]);
  }

  /** Calls off one that waits. False when there is none. */
  async cancel(id: string): Promise<boolean> {
    const rows = await this.#store.query<{ id: string }>(
      "update booked_calls set outcome = 'cancelled' where id = $1 and placed_at is null and outcome is null returning id",
      [id],
    );
    return rows.length === 1;
  }

  /** Closes those that a stop of the server has cut off while they were placed; they are not placed again. */
  async closeInterrupted(): Promise<BookedCall[]> {
    const rows = await this.#store.query<Row>(
      "update booked_calls set outcome = 'server-restarted' where placed_at is not null and outcome is null returning id, caller, callee, at, booked_by",
    );
    return rows.map((row) => ({
      id: row.id,
      from: row.caller,
      to: row.callee,
      at: row.at.getTime(),
      bookedBy: row.booked_by,
    }));
  }
}
