import type { Desk } from './desk.ts';

/**
 * While a run goes on, every open camera is recorded, from its first picture to the end of the last run: also one that nobody
 * watches any more. What a dispatcher records by hand is his to stop.
 */
export function recordCamerasInRuns({ feeds, runs, log }: Pick<Desk, 'feeds' | 'runs' | 'log'>): void {
  const begun = new Set<string>();
  const isRunning = () => runs.current().some(({ state }) => state === 'running');
  const record = () => {
    if (!isRunning()) return;
    for (const { id, owner, state, recording } of feeds.list()) {
      if (owner.kind !== 'camera' || state !== 'live' || recording || begun.has(id)) continue;
      begun.add(id);
      feeds
        .get(id)
        .startRecording({ by: 'system' })
        .catch((error: unknown) => {
          begun.delete(id);
          log.warn('camera not recorded in a run', { feedId: id, error });
        });
    }
  };
  feeds.on('happened', ({ id }, { what }) => {
    if (what === 'feed.live') record();
    if (what === 'feed.ended') begun.delete(id);
  });
  runs.on('changed', record);
  runs.on('ended', () => {
    if (isRunning()) return;
    for (const id of begun) void feeds.find(id)?.stopRecording();
    begun.clear();
  });
}
