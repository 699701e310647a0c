import type { Binding } from './binding.ts';

/**
 * Where the registrar keeps bindings across a restart. The registrar holds all of them in memory and answers from
 * there; it loads once at its start and then only writes. A 200 to a REGISTER is sent when `put` or `remove` has
 * resolved, so that a binding that was confirmed is safe; one that rejects makes the answer a 500.
 */
export interface BindingStore {
  load(): Promise<Binding[]>;
  /** Adds the bindings, or replaces those of the same user and contact. */
  put(bindings: Binding[]): void | Promise<void>;
  remove(bindings: Binding[]): void | Promise<void>;
}

/** Keeps nothing beyond the process. */
export const noBindingStore: BindingStore = {
  load: async () => [],
  put() {},
  remove() {},
};
