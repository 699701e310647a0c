import type { Call } from '#calls/call-list.ts';
import type { Conference } from '#calls/conference.ts';
import type { Leg } from '#calls/leg.ts';
import type { Desk } from './desk.ts';

/** Keeps from now on what the next process needs to go on with the calls of this one. Legs are kept as they are made. */
export function keepCalls({ calls, conferences, kept }: Desk): void {
  calls.on('changed', (call) => {
    const { view } = call;
    if (isGoingOn(call)) kept.put('call', view.id, { view, legs: legsOf(call).map(({ id }) => id) });
    else if (view.state === 'ended') kept.remove('call', view.id);
  });
  conferences.on('changed', (conference) => {
    if (conference.hasEnded) return kept.remove('conference', conference.id);
    kept.put('conference', conference.id, keptOf(conference));
  });
}

const isGoingOn = ({ view }: Call): boolean => view.state !== 'ended';

/** The caller's first. */
function legsOf({ sides, legs }: Call): Leg[] {
  const two = [sides.from, sides.to].filter((leg) => leg !== undefined);
  return two.length > 0 ? two : [...legs];
}

function keptOf(conference: Conference) {
  const { id, facts, openedAt, chair } = conference;
  const { isLocked, isMutedAll } = chair;
  const present = conference.participants().filter(({ leg }) => leg);
  return {
    id,
    facts,
    openedAt,
    isLocked,
    isMutedAll,
    ...conference.recording.state,
    // Who speaks at this moment is nothing that outlives it, and would be written at every word.
    participants: present
      .filter(({ view }) => view.kind !== 'channel')
      .map(({ view, leg }) => ({ view: { ...view, isSpeaking: false }, leg: leg!.id })),
    ...(conference.joinedWith.length > 0 ? { joinedWith: conference.joinedWith } : {}),
    channels: present.flatMap(({ view }) => view.channel ?? []),
  };
}
