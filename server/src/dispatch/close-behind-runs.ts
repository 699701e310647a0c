import type { Desk } from './desk.ts';

/**
 * A conference that a run has opened waits for those still to come; when the run is over it closes behind the last, or at
 * once when nobody is in it: a house that runs for months must not fill up with empty rooms.
 */
export function closeBehindRuns({ runs, conferences }: Pick<Desk, 'runs' | 'conferences'>): void {
  const look = () => {
    const running = new Set(runs.current().flatMap(({ id, state }) => (state === 'running' ? id : [])));
    for (const conference of conferences.all())
      if (conference.facts.run && !running.has(conference.facts.run)) conference.closeBehindLast();
  };
  runs.on('ended', look);
  look();
}
