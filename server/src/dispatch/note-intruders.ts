import { noteSoon } from '#timeline/note-soon.ts';
import type { Desk } from './desk.ts';

/** Whoever sends to the media ports of a call without being its far end stands on the timeline, at most once a minute for each leg. */
export function noteIntruders(desk: Desk): void {
  desk.engine.on('intruded', ({ node, label, kind, packets, from }) => {
    const call = desk.calls.all().find(({ legs }) => [...legs].some((leg) => leg.node.id === node));
    void noteSoon(
      {
        kind: 'security.media-intruded',
        ...(call ? { call: call.view.id } : {}),
        data: { number: label, kind, packets, from: `${from.host}:${from.port}` },
      },
      desk,
    );
  });
}
