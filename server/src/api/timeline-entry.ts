import type { TimelineEntry } from '@tocsin/protocol/views.ts';
import type { Entry } from '#timeline/entry.ts';

/** An entry as the doors give it out: where its recordings can be fetched instead of where they lie. */
export function toTimelineEntry(entry: Entry): TimelineEntry {
  const { blobs = [], data = {}, isDrill = false, ...rest } = entry;
  return {
    ...rest,
    isDrill,
    data,
    blobs: blobs.map(({ sha256, kind, ms }) => ({
      sha256,
      kind,
      url: `/api/recordings/${sha256}`,
      ...(ms === undefined ? {} : { ms }),
    })),
  };
}
