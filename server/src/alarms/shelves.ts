import type { ShelfView } from '@tocsin/protocol/views.ts';
import { DispatchError } from '#kernel/errors.ts';

export const SHELF_LIMITS = {
  /** Sources shelved at the same time; the next is refused with SHELF_LIMIT. */
  shelves: 500,
} as const;

/**
 * What is shelved (ISA-18.2): sources that a dispatcher has silenced, each with a reason and an end. Nothing is shelved for
 * ever: what is forgotten comes back by itself.
 */
export class Shelves {
  readonly #shelves = new Map<string, ShelfView>();

  restore(shelves: ShelfView[]): void {
    for (const shelf of shelves) this.#shelves.set(shelf.id, shelf);
  }

  /** Also those whose time is over and that have not been taken back yet. */
  get(source: string): ShelfView | undefined {
    return this.#shelves.get(source);
  }

  all(): ShelfView[] {
    return [...this.#shelves.values()].toSorted((a, b) => a.until - b.until);
  }

  /** @throws DispatchError SHELF_LIMIT */
  put(shelf: ShelfView): void {
    if (!this.#shelves.has(shelf.id) && this.#shelves.size >= SHELF_LIMITS.shelves)
      throw new DispatchError('SHELF_LIMIT', String(SHELF_LIMITS.shelves));
    this.#shelves.set(shelf.id, shelf);
  }

  /** @throws DispatchError SHELF_UNKNOWN */
  take(source: string): ShelfView {
    const shelf = this.#shelves.get(source);
    if (!shelf) throw new DispatchError('SHELF_UNKNOWN', source);
    this.#shelves.delete(source);
    return shelf;
  }

  /** Whose time is over. */
  over(now: number): string[] {
    return [...this.#shelves.values()].filter(({ until }) => until <= now).map(({ id }) => id);
  }
}
