import type { Session } from '#directory/rights.ts';
import type { Directory } from '#directory/directory.ts';

/**
 * The seats that are taken: telephone accounts whose desks are connected, against the site's `capacity.seats`. Users without a
 * telephone take none, and who may administer is always let in.
 */
export class SeatsTaken {
  readonly #directory: Pick<Directory, 'site'>;
  /** Connections of each account: a desk may have several windows. */
  readonly #windows = new Map<string, number>();

  constructor(directory: Pick<Directory, 'site'>) {
    this.#directory = directory;
  }

  /** Whether this user finds a seat: a free one, or the one that he has already. */
  isFreeFor({ user, rights }: Pick<Session, 'user' | 'rights'>): boolean {
    const seats = this.#directory.site.capacity?.seats;
    if (seats === undefined || user.account === undefined || rights.has('administer')) return true;
    return this.#windows.has(user.account) || this.#windows.size < seats;
  }

  /** A window of this user's desk is open. Call what is returned once, when it has closed. */
  sitDown({ user: { account } }: Pick<Session, 'user'>): () => void {
    if (account === undefined) return () => {};
    this.#windows.set(account, (this.#windows.get(account) ?? 0) + 1);
    return () => {
      const left = (this.#windows.get(account) ?? 1) - 1;
      if (left > 0) this.#windows.set(account, left);
      else this.#windows.delete(account);
    };
  }
}
