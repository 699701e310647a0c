import type { BlacklistEntry } from '@tocsin/protocol/routing.ts';
import type { Chance } from '#kernel/chance.ts';
import type { Clock } from '#kernel/clock.ts';
import { DispatchError } from '#kernel/errors.ts';
import type { Queryable } from '#store/queryable.ts';

/** An entry that was made at a desk. */
export interface KeptEntry extends BlacklistEntry {
  id: string;
  /** The user who made it. */
  addedBy: string;
  addedAtMs: number;
}

/** Entries kept; the next is refused with BLACKLIST_FULL. Every call looks through them all. */
const ENTRIES_LIMIT = 5000;

interface Row {
  id: string;
  number: string;
  because: string;
  until: string | null;
  added_by: string;
  added_at: Date;
}

/** The callers that administrators have put on the blacklist: in the database, and in memory for every call to look through. */
export class Blacklist {
  readonly #store: Queryable;
  readonly #clock: Pick<Clock, 'now'>;
  readonly #chance: Pick<Chance, 'id'>;
  #entries: readonly KeptEntry[];

  /** @throws DispatchError DATABASE_UNAVAILABLE */
  static async open(parts: {
    store: Queryable;
    clock: Pick<Clock, 'now'>;
    chance: Pick<Chance, 'id'>;
  }): Promise<Blacklist> {
    const rows = await parts.store.query<Row>(
      `select id, number, because, to_char(until, 'YYYY-MM-DD') as until, added_by, added_at from blacklist order by added_at desc`,
    );
    return new Blacklist(
      parts,
      rows.map((row) => ({
        ...{ id: row.id, number: row.number, because: row.because, addedBy: row.added_by },
        addedAtMs: row.added_at.getTime(),
        ...(row.until === null ? {} : { until: row.until }),
      })),
    );
  }

  private constructor(
    { store, clock, chance }: { store: Queryable; clock: Pick<Clock, 'now'>; chance: Pick<Chance, 'id'> },
    entries: readonly KeptEntry[],
  ) {
    this.#store = store;
    this.#clock = clock;
    this.#chance = chance;
    this.#entries = entries;
  }

  /** The newest first. */
  entries(): readonly KeptEntry[] {
    return this.#entries;
  }

  /**
   * Counts from the next call on.
   * @throws DispatchError BLACKLIST_FULL, DATABASE_UNAVAILABLE
   */
  async add(wanted: BlacklistEntry, addedBy: string): Promise<KeptEntry> {
    if (this.#entries.length >= ENTRIES_LIMIT) throw new DispatchError('BLACKLIST_FULL', `${ENTRIES_LIMIT}`);
    const entry = { ...wanted, id: this.#chance.id('black'), addedBy, addedAtMs: this.#clock.now() };
    await this.#store.query(
      `insert into blacklist (id, number, because, until, added_by, added_at) values ($1, $2, $3, $4, $5, $6)`,
      [entry.id, entry.number, entry.because, entry.until ?? null, addedBy, new Date(entry.addedAtMs)],
    );
    this.#entries = [entry, ...this.#entries];
    return entry;
  }

  /**
   * The caller is let in again.
   * @throws DispatchError NOT_FOUND, DATABASE_UNAVAILABLE
   */
  async remove(id: string): Promise<KeptEntry> {
    const entry = this.#entries.find((each) => each.id === id);
    if (!entry) throw new DispatchError('NOT_FOUND', id);
    await this.#store.query(`delete from blacklist where id = $1`, [id]);
    this.#entries = this.#entries.filter((each) => each.id !== id);
    return entry;
  }
}
