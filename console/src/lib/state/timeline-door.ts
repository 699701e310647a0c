import type { TimelineEntry } from '@tocsin/protocol/views.ts';

/** What the timeline can be asked for; all of it together. Times in milliseconds. */
export interface TimelineQuery {
  from?: number;
  to?: number;
  /** A kind, or with a trailing dot all of a noun: `call.`. */
  kind?: string;
  incident?: string;
  run?: string;
  alarm?: string;
  person?: string;
  order?: 'oldest-first' | 'newest-first';
  limit?: number;
}

/** Reads entries over REST; an empty list when the door does not open (no right, no server). */
export async function readTimeline(query: TimelineQuery): Promise<TimelineEntry[]> {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value !== undefined) parameters.set(name, String(value));
  try {
    const response = await fetch(`/api/timeline?${parameters}`);
    return response.ok ? ((await response.json()) as TimelineEntry[]) : [];
  } catch {
    return [];
  }
}

/** Older entries and newer ones as one list without doubles, newest first. */
export function mergeEntries(...lists: readonly (readonly TimelineEntry[])[]): TimelineEntry[] {
  const bySeq = new Map<number, TimelineEntry>();
  for (const list of lists) for (const entry of list) bySeq.set(entry.seq, entry);
  return [...bySeq.values()].sort((a, b) => b.at - a.at || b.seq - a.seq);
}
