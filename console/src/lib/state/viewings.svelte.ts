import { Viewing } from '#media/viewing.svelte.ts';
import { askVideo } from './session.svelte.ts';

/** A viewing that nobody shows any more is kept this long, for the one who turns a page and comes back. */
const KEPT_MS = 4000;

/** What this console watches: one viewing a feed, however many tiles show it. */
const open = new Map<string, { viewing: Viewing; shown: number; closing?: ReturnType<typeof setTimeout> }>();

/** Watches a feed as long as it is shown; call in an `$effect` and return what it returns. */
export function watchFeed(feed: string, onViewing: (viewing: Viewing) => void): () => void {
  let entry = open.get(feed);
  if (!entry || entry.viewing.state === 'ended') {
    entry = { viewing: new Viewing(feed, askVideo), shown: 0 };
    open.set(feed, entry);
  }
  const kept = entry;
  clearTimeout(kept.closing);
  kept.shown += 1;
  onViewing(kept.viewing);
  return () => {
    kept.shown -= 1;
    if (kept.shown > 0) return;
    kept.closing = setTimeout(() => {
      if (kept.shown > 0) return;
      kept.viewing.close();
      if (open.get(feed) === kept) open.delete(feed);
    }, KEPT_MS);
  };
}
