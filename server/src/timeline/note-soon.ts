import type { Clock } from '#kernel/clock.ts';
import type { Log } from '#kernel/log.ts';
import type { NewEntry } from './entry.ts';
import type { Timeline } from './timeline.ts';

/** An entry is durable within milliseconds; whoever waits longer than this waits for a database that is away. */
const WAIT_AT_MOST_MS = 2000;

/**
 * Appends, and waits until the entry is durable, but no longer than 2 s: with the database away, or the disk full, the
 * entry waits in memory, and a dispatcher must still be let in, silence the bell and be told a refusal.
 */
export async function noteSoon(
  entry: NewEntry,
  { timeline, clock, log }: { timeline: Pick<Timeline, 'append'>; clock: Clock; log: Log },
): Promise<void> {
  const late = Promise.withResolvers<void>();
  const timer = clock.after(WAIT_AT_MOST_MS, late.resolve);
  const written = timeline
    .append(entry)
    .then(() => {})
    .catch((error: unknown) => log.error('timeline entry lost', { kind: entry.kind, error }));
  await Promise.race([written, late.promise]);
  timer.cancel();
}
