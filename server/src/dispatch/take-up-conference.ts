import type { RadioChannel } from '#calls/channel.ts';
import type { Conference } from '#calls/conference.ts';
import type { KeptConference } from '#calls/kept-calls.ts';
import type { Leg } from '#calls/leg.ts';
import { DispatchError } from '#kernel/errors.ts';
import type { Desk } from './desk.ts';

type House = Pick<Desk, 'conferences' | 'timeline' | 'log'>;

/**
 * Goes on with a conference of the process before this one: who was in comes in again, and so do its channels; what a plan
 * wants besides, its step will do when the run is resumed. What cannot be gone on with is told, and its legs are let go;
 * nothing else suffers.
 */
export async function takeUpConference(
  kept: KeptConference,
  legs: ReadonlyMap<string, Leg>,
  desk: House,
): Promise<void> {
  const here = kept.participants.flatMap(({ leg }) => legs.get(leg) ?? []);
  const { number, name, run } = kept.facts;
  // Two channels that are joined to one another need nobody beside.
  if (here.length === 0 && (run !== undefined || kept.channels.length < 2)) return;
  const about = { conference: kept.id, number, name };
  let conference: Conference;
  try {
    const taken = await desk.conferences.takeUp(kept, legs);
    conference = taken.conference;
    for (const { leg, error } of taken.missing) {
      tell('conference.participant-not-taken-up', { ...about, participant: leg.party.number }, error, desk);
      await leg.hangUp(isFull(error) ? 'conference-full' : 'signalling-lost');
    }
  } catch (error) {
    tell('conference.not-taken-up', about, error, desk);
    await Promise.allSettled(here.map((leg) => leg.hangUp('signalling-lost')));
    return;
  }
  if (run !== undefined) return;
  for (const id of kept.channels)
    try {
      patchWhenReady(conference, desk.conferences.channel(id), desk);
    } catch (error) {
      tell('conference.channel-not-taken-up', { ...about, channel: id }, error, desk);
    }
}

/** Conferences that were joined are joined again, where both are there. */
export async function joinAgain(kept: readonly KeptConference[], desk: House): Promise<void> {
  const here = new Set(desk.conferences.all().map(({ id }) => id));
  for (const { id, joinedWith = [] } of kept)
    // Each of the two knows it: once is enough.
    for (const other of joinedWith)
      if (id < other && here.has(id) && here.has(other))
        await desk.conferences
          .join(id, other)
          .catch((error: unknown) => tell('conference.not-joined-again', { conference: id, with: other }, error, desk));
}

/** Patches the channel in once, when its gateway is there: gateways come later than we do. */
function patchWhenReady(conference: Conference, channel: RadioChannel, { log }: House): void {
  let isTrying = false;
  const look = async () => {
    if (isTrying || !channel.isReady || conference.hasEnded) return;
    isTrying = true;
    const { kind } = await conference.channels.patch(channel);
    isTrying = false;
    if (kind === 'patched') off();
  };
  const lookSafely = () =>
    void look().catch((error: unknown) => {
      off();
      log.error('a channel could not be patched again', { conferenceId: conference.id, channel: channel.id, error });
    });
  const off = channel.on('changed', lookSafely);
  conference.once('ended', off);
  lookSafely();
}

/** What is not gone on with: for the engineers, and on the timeline. */
export function tell(
  kind: string,
  data: Record<string, unknown>,
  error: unknown,
  { timeline, log }: Pick<Desk, 'timeline' | 'log'>,
): void {
  log.error('not taken up after the restart', { kind, ...data, error });
  const because = error instanceof DispatchError ? error.code : 'INTERNAL';
  timeline
    .append({ kind, data: { ...data, because } })
    .catch((lost: unknown) => log.error('timeline entry lost', { kind, error: lost }));
}

const isFull = (error: unknown): boolean => error instanceof DispatchError && error.code === 'CONFERENCE_FULL';
