import type { Clock } from '#kernel/clock.ts';
import { Emitter } from '#kernel/emitter.ts';
import type { Queryable } from '#store/queryable.ts';

/** A trunk, or one of its lines, that somebody has taken out of service. */
export interface TakenOut {
  trunk: string;
  /** Absent: the whole trunk. */
  line?: string;
  by: string;
  because: string;
  sinceMs: number;
}

interface Row {
  trunk: string;
  line: string;
  by_user: string;
  because: string;
  since: Date;
}

/**
 * Trunks and lines that are out of service by somebody's word, as for work on them: calls on them go on, and no new one goes out
 * by them. In the database, so that a restart changes nothing.
 */
export class OutOfService extends Emitter<{ changed: [trunk: string] }> {
  readonly #store: Queryable;
  readonly #clock: Pick<Clock, 'now'>;
  readonly #all: Map<string, TakenOut>;

  /** @throws DispatchError DATABASE_UNAVAILABLE */
  static async open(parts: { store: Queryable; clock: Pick<Clock, 'now'> }): Promise<OutOfService> {
    const rows = await parts.store.query<Row>(`select trunk, line, by_user, because, since from trunk_out_of_service`);
    const entries = rows.map(({ trunk, line, by_user: by, because, since }) => ({
      ...{ trunk, by, because, sinceMs: since.getTime() },
      ...(line === '' ? {} : { line }),
    }));
    return new OutOfService(parts, entries);
  }

  constructor({ store, clock }: { store: Queryable; clock: Pick<Clock, 'now'> }, entries: readonly TakenOut[] = []) {
    super();
    this.#store = store;
    this.#clock = clock;
    this.#all = new Map(entries.map((each) => [keyOf(each.trunk, each.line), each]));
  }

  /** Who has taken it out, and why; undefined while it serves. A line of a trunk that is out serves by itself. */
  of(trunk: string, line?: string): TakenOut | undefined {
    return this.#all.get(keyOf(trunk, line));
  }

  /** Counts from the next call on. @throws DispatchError DATABASE_UNAVAILABLE */
  async take(order: Omit<TakenOut, 'sinceMs'>): Promise<void> {
    const { trunk, line, by, because } = order;
    const sinceMs = this.of(trunk, line)?.sinceMs ?? this.#clock.now();
    await this.#store.query(
      `insert into trunk_out_of_service (trunk, line, by_user, because, since) values ($1, $2, $3, $4, $5)
       on conflict (trunk, line) do update set by_user = excluded.by_user, because = excluded.because`,
      [trunk, line ?? '', by, because, new Date(sinceMs)],
    );
    this.#all.set(keyOf(trunk, line), { ...order, sinceMs });
    this.emit('changed', trunk);
  }

  /** It serves again; false when it did. @throws DispatchError DATABASE_UNAVAILABLE */
  async giveBack(trunk: string, line?: string): Promise<boolean> {
    if (!this.#all.has(keyOf(trunk, line))) return false;
    await this.#store.query(`delete from trunk_out_of_service where trunk = $1 and line = $2`, [trunk, line ?? '']);
    this.#all.delete(keyOf(trunk, line));
    this.emit('changed', trunk);
    return true;
  }
}

const keyOf = (trunk: string, line = ''): string => `${trunk} ${line}`;
