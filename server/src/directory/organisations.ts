import type { Organisation } from '@tocsin/protocol/directory.ts';

/** The tree of organisations. */
export class OrganisationTree {
  readonly #parents: ReadonlyMap<string, string | undefined>;
  readonly #below = new Map<string, ReadonlySet<string>>();

  constructor(organisations: readonly Organisation[]) {
    this.#parents = new Map(organisations.map(({ id, parent }) => [id, parent]));
  }

  /** Whether an organisation is `top` or lies below it. */
  isWithin(organisation: string, top: string): boolean {
    for (let up: string | undefined = organisation; up !== undefined; up = this.#parents.get(up)) {
      if (up === top) return this.#parents.has(top);
    }
    return false;
  }

  /** `top` and everything below it. */
  within(top: string): ReadonlySet<string> {
    const known = this.#below.get(top);
    if (known) return known;
    const below = new Set([...this.#parents.keys()].filter((id) => this.isWithin(id, top)));
    this.#below.set(top, below);
    return below;
  }
}
