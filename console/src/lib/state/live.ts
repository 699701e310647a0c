import { LIVE_NOUNS, type LiveChange, type LiveNoun, type LiveNouns } from '@tocsin/protocol/views.ts';
import { SvelteMap } from 'svelte/reactivity';

/**
 * Every live noun, keyed by id. Items are never changed, only replaced whole by what the server says, so a row that reads
 * one item is redrawn when that item changes and at no other time.
 */
export type Live = { readonly [Noun in LiveNoun]: Map<string, LiveNouns[Noun]> };

export function emptyLive(): Live {
  return Object.fromEntries(LIVE_NOUNS.map((noun) => [noun, new SvelteMap()])) as unknown as Live;
}

/** Takes a whole snapshot: what it does not name is gone. Order of the snapshot is kept for what is new. */
export function takeSnapshot(live: Live, snapshot: { [Noun in LiveNoun]: LiveNouns[Noun][] }): void {
  for (const noun of LIVE_NOUNS) {
    const items = live[noun] as Map<string, { id: string }>;
    const named = new Set<string>();
    for (const item of snapshot[noun] ?? []) {
      named.add(item.id);
      items.set(item.id, item);
    }
    for (const id of [...items.keys()]) if (!named.has(id)) items.delete(id);
  }
}

/** Takes changes in their order. An unknown noun is a newer server's: left alone. */
export function takeChanges(live: Live, changes: readonly LiveChange[]): void {
  for (const change of changes) {
    const items = live[change.noun] as Map<string, { id: string }> | undefined;
    if (!items) continue;
    if ('removed' in change) items.delete(change.removed);
    else items.set(change.item.id, change.item);
  }
}
