import type { Chance } from '#kernel/chance.ts';
import type { Clock } from '#kernel/clock.ts';
import { Emitter, type Listenable } from '#kernel/emitter.ts';
import { DispatchError } from '#kernel/errors.ts';
import type { Log } from '#kernel/log.ts';
import type { Store } from '#store/store.ts';
import type { Entry, NewEntry } from './entry.ts';
import { readEntries, type TimelineFilter } from './read.ts';
import { verifyChain, type Verdict } from './verify.ts';
import { ChainWriter } from './writer.ts';

/** The append-only record of everything that happens at a site: one hash chain. */
export interface Timeline extends AsyncDisposable, Listenable<{ appended: [Entry] }> {
  /**
   * Resolves when the entry is durable. The order of calls is the order in the chain; many in flight share one
   * transaction. While the database is away entries wait in memory, up to a limit.
   *
   * @throws DispatchError DATABASE_UNAVAILABLE or DISK_FULL beyond that limit; TOO_LARGE; INTERNAL for a kind that is
   *   not `noun.verb`
   */
  append(entry: NewEntry): Promise<Entry>;
  /** Entries that match, oldest first unless asked otherwise, at most `limit` (1000 when absent, 10,000 at most). */
  read(filter?: TimelineFilter): Promise<Entry[]>;
  /** Checks every entry's content against its hash, and every hash against the one before. Reads only the part asked for. */
  verify(range?: { fromSeq?: number; toSeq?: number }): Promise<Verdict>;
  /** Where the chain ends now, and how it is being written. */
  snapshot(): { site: string; lastSeq: number; lastHash: string; waiting: number; problem?: string };
}

/**
 * Opens the chain of a site and takes it for this process.
 *
 * @throws DispatchError DATABASE_UNAVAILABLE when another server writes it (after 30 s), or the database is away
 */
export async function openTimeline(options: {
  store: Store;
  clock: Clock;
  chance: Chance;
  log: Log;
  site: string;
}): Promise<Timeline> {
  const { store, clock, chance, log, site } = options;
  const emitter = new Emitter<{ appended: [Entry] }>();
  const onWritten = (entries: Entry[]) => entries.forEach((entry) => emitter.emit('appended', entry));
  const writer = new ChainWriter({ chain: site, store, clock, log, onWritten });
  await writer.open();

  return {
    on: (event, listener) => emitter.on(event, listener),
    once: (event, listener) => emitter.once(event, listener),
    async append(entry) {
      if (!KIND.test(entry.kind)) throw new DispatchError('INTERNAL', `"${entry.kind}" is no kind of entry`);
      const recordedAt = Math.round(clock.now());
      const at = isMoment(entry.at) ? Math.round(entry.at) : recordedAt;
      return writer.append({ ...entry, id: chance.id('entry'), at, recordedAt });
    },
    read: (filter = {}) => readEntries(store, site, filter),
    verify: (range = {}) => verifyChain(store, site, range),
    snapshot() {
      const { head, waiting, lastOutage } = writer;
      const state = { site, lastSeq: head.seq, lastHash: head.hash, waiting };
      return lastOutage ? { ...state, problem: lastOutage.message } : state;
    },
    [Symbol.asyncDispose]: () => writer[Symbol.asyncDispose](),
  };
}

const KIND = /^[a-z][a-z0-9-]{0,39}\.[a-z][a-z0-9-]{0,59}$/;

/** A device's clock may say anything; the year 9999 is the last that everyone can print. */
function isMoment(at: number | undefined): at is number {
  return at !== undefined && Number.isFinite(at) && at >= 0 && at < 253_402_300_800_000;
}
