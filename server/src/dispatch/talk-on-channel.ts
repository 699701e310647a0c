import type { CommandOf } from '@tocsin/protocol/console.ts';
import { DispatchError } from '#kernel/errors.ts';
import { callSeat } from './call-seat.ts';
import type { Actor, Desk } from './desk.ts';

/** The dispatcher listens to a radio channel: his phone is called and joined to it, or to the conference it is patched into. */
export async function listenToChannel({ channel: id }: CommandOf<'channel.listen'>, actor: Actor, desk: Desk) {
  const channel = desk.conferences.channel(id);
  if (!channel.isReady) throw new DispatchError('CHANNEL_UNAVAILABLE', channel.facts.name.zh);
  if (phoneOn(id, actor, desk)) return;
  const leg = await callSeat(actor, { number: id, name: channel.facts.name.zh }, desk);
  const call = desk.calls.begin(
    {
      kind: 'channel',
      channel: id,
      from: leg.party,
      to: { number: id, name: channel.facts.name },
    },
    leg,
  );
  void leg.ended.then((reason) => desk.calls.end(call, reason));
  desk.calls.answered(call);
  if (await channel.listen(leg)) return;
  if (!channel.conference) {
    await leg.hangUp('channel-left');
    throw new DispatchError('CHANNEL_UNAVAILABLE', channel.facts.name.zh);
  }
  await desk.conferences.get(channel.conference).join(leg, {
    kind: 'seat',
    name: leg.party.name ?? { zh: actor.name },
    bearer: 'browser',
    isChair: true,
    ...(leg.party.person ? { person: leg.party.person } : {}),
  });
}

export async function leaveChannel({ channel: id }: CommandOf<'channel.leave'>, actor: Actor, desk: Desk) {
  const channel = desk.conferences.channel(id);
  channel.release(actor.user);
  await Promise.all(
    channel
      .listeners()
      .filter((leg) => leg.party.account === actor.account)
      .map((leg) => leg.hangUp('channel-left')),
  );
}

/**
 * Push to talk pressed. Resolves with what the floor says: it is granted, or the asker waits for it at a place.
 * @throws DispatchError FLOOR_TAKEN, CHANNEL_UNAVAILABLE
 */
export async function requestFloor(command: CommandOf<'floor.request'>, actor: Actor, desk: Desk) {
  const { channel: id, queue, emergency } = command;
  const channel = desk.conferences.channel(id);
  if (!channel.conference && !phoneOn(id, actor, desk))
    await listenToChannel({ do: 'channel.listen', channel: id }, actor, desk);
  const talker = { id: actor.user, name: actor.name, priority: emergency ? 3 : 1 } as const;
  const result = channel.request(talker, { leg: phoneOn(id, actor, desk), mayQueue: queue });
  if (result.kind === 'denied') throw new DispatchError('FLOOR_TAKEN', result.talker);
  return result;
}

export async function releaseFloor({ channel }: CommandOf<'floor.release'>, actor: Actor, desk: Desk) {
  desk.conferences.channel(channel).release(actor.user);
}

/** The actor's phone, when it listens to the channel. */
function phoneOn(id: string, actor: Actor, desk: Desk) {
  const channel = desk.conferences.channel(id);
  return channel.listeners().find((leg) => leg.party.account === actor.account);
}
