import type { Call } from '#calls/call-list.ts';
import type { RadioChannel } from '#calls/channel.ts';
import { ChannelKeying } from '#calls/channel-keying.ts';
import type { SipLeg } from '#calls/sip-leg.ts';
import { TONES } from '#calls/tones.ts';
import type { PlaybackSource } from '#media/playback.ts';
import type { Desk } from './desk.ts';

/**
 * A phone of the house has dialled a radio channel: it hears the radio, and takes the floor by its keys or its voice. One
 * tone says that it may speak, the busy tone that the floor was taken from it. Of a channel that is patched into a
 * conference it becomes a participant.
 */
export async function enterChannel(caller: SipLeg, call: Call, id: string, desk: Desk): Promise<void> {
  const channel = desk.conferences.channel(id);
  desk.calls.change(call, { channel: id });
  if (!channel.isReady) {
    desk.calls.note(call, 'channel.not-entered', {
      channel: id,
      from: caller.party.number,
      because: 'gateway-offline',
    });
    return await caller.refuse(503, 'unreachable');
  }
  if (!(await caller.accept())) return;
  desk.calls.answered(call, { isRecording: true });
  if (await channel.listen(caller)) return keyedBy(caller, channel, desk);
  if (channel.conference === undefined) return await caller.hangUp('channel-left');
  const { person, number, name } = caller.party;
  const conference = desk.conferences.get(channel.conference);
  desk.calls.change(call, { conference: conference.id });
  await conference.join(caller, {
    kind: person ? 'person' : 'number',
    name: name ?? { zh: number },
    bearer: 'desk',
    ...(person ? { person } : {}),
  });
}

/** The floor of one channel for one telephone, until it hangs up. */
function keyedBy(caller: SipLeg, channel: RadioChannel, desk: Desk): void {
  const keying = new ChannelKeying(() => [channel], desk);
  const party = { id: `phone:${caller.id}`, name: caller.party.name?.zh ?? caller.party.number };
  const beep = (source: PlaybackSource) =>
    void channel
      .beep(caller, source)
      .catch((error: unknown) => desk.log.warn('no tone for a phone on the air', { error }));
  const offs = [
    channel.on('granted', ({ id }) => id === party.id && beep(TONES.done)),
    channel.on('ended', ({ id }, because) => id === party.id && because !== 'released' && beep(TONES.busy)),
  ];
  if (channel.facts.keying === 'voice')
    offs.push(channel.on('speaking', (leg, isSpeaking) => leg === caller && keying.voice(party, isSpeaking, caller)));
  keying.followKeys(party, caller, caller);
  caller.once('ended', () => {
    for (const off of offs) off();
  });
}
