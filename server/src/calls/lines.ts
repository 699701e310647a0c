import { LIMITS } from '#kernel/limits.ts';
import type { Directory } from '#directory/directory.ts';

/** Lines in use, of each trunk and in all. A line is taken before dialling and given back when its leg ends. */
export class Lines {
  readonly #inUse = new Map<string, number>();
  readonly #directory: Pick<Directory, 'site'>;
  #legs = 0;

  constructor(directory: Pick<Directory, 'site'>) {
    this.#directory = directory;
  }

  /** Takes a line; `undefined` when none is free. Call what is returned once, to give it back. */
  take(trunk?: string): (() => void) | undefined {
    if (this.#legs >= LIMITS.callsAtOnce * 2) return undefined;
    if (trunk !== undefined && this.free(trunk) <= 0) return undefined;
    this.#legs += 1;
    if (trunk !== undefined) this.#inUse.set(trunk, this.inUse(trunk) + 1);
    let isTaken = true;
    return () => {
      if (!isTaken) return;
      isTaken = false;
      this.#legs -= 1;
      if (trunk !== undefined) this.#inUse.set(trunk, this.inUse(trunk) - 1);
    };
  }

  inUse(trunk: string): number {
    return this.#inUse.get(trunk) ?? 0;
  }

  free(trunk: string): number {
    const lines = this.#directory.site.trunks.find((each) => each.id === trunk)?.lines ?? 0;
    return lines - this.inUse(trunk);
  }
}
