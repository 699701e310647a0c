import type { PatchOutcome } from '@tocsin/protocol/reaching.ts';
import { ChannelKeying } from './channel-keying.ts';
import type { RadioChannel } from './channel.ts';
import type { ConferenceInside } from './conference-inside.ts';
import type { Leg } from './leg.ts';
import type { Participant } from './participant.ts';

/**
 * The radio channels of a conference: everybody hears the radio, the radio hears everybody while the floor is given. What one
 * channel hears goes out on the others; telephones take the floor with their keys, or with their voice.
 */
export class ConferenceChannels {
  readonly #inside: ConferenceInside;
  readonly #patched = new Map<
    string,
    { channel: RadioChannel; participant: Participant; squelch: ReturnType<ChannelKeying['followSquelch']> }
  >();
  readonly #keying: ChannelKeying;

  constructor(inside: ConferenceInside) {
    this.#inside = inside;
    this.#keying = new ChannelKeying(() => [...this.#patched.values()].map(({ channel }) => channel), inside.parts);
    inside.bridge.on('speaking', ({ nodeId, isSpeaking }) => {
      for (const { participant, squelch } of this.#patched.values())
        if (participant.leg?.node.id === nodeId) squelch.speaking(isSpeaking);
      if (inside.facts.keying !== 'voice' || this.#patched.size === 0) return;
      for (const participant of inside.participants.values())
        if (participant.leg?.node.id === nodeId && speaksByVoice(participant))
          this.#keying.voice(partyOf(participant), isSpeaking);
    });
  }

  get count(): number {
    return this.#patched.size;
  }

  /** A telephone has come in: its keys take the floor. */
  follow(participant: Participant, leg: Leg): void {
    this.#keying.followKeys(partyOf(participant), leg);
  }

  async patch(channel: RadioChannel): Promise<PatchOutcome> {
    if (this.#patched.has(channel.id)) return { kind: 'patched' };
    const inside = this.#inside;
    const leg = await channel.attach(inside.bridge, inside.id);
    if (!leg) return { kind: 'unavailable', detail: 'gateway-offline' };
    const participant = inside.place({
      kind: 'channel',
      channel: channel.id,
      name: channel.facts.name,
      number: channel.id,
      bearer: 'radio',
      state: 'in',
      attempts: 1,
    });
    participant.leg = leg;
    const squelch = this.#keying.followSquelch(channel);
    this.#patched.set(channel.id, { channel, participant, squelch });
    inside.note('conference.channel-patched', { channel: channel.id });
    inside.change();
    leg.once('ended', (because) => {
      if (this.#patched.get(channel.id)?.participant !== participant) return;
      squelch.stop();
      this.#patched.delete(channel.id);
      participant.moveTo('left', inside.parts.clock.now(), because);
      inside.tell(participant);
    });
    return { kind: 'patched' };
  }

  async unpatch(channel: RadioChannel): Promise<void> {
    const patched = this.#patched.get(channel.id);
    if (!patched) return;
    patched.squelch.stop();
    this.#patched.delete(channel.id);
    this.#inside.participants.delete(patched.participant.id);
    await channel.detach();
    this.#inside.note('conference.channel-unpatched', { channel: channel.id });
    this.#inside.change();
  }

  /** The channel behind a participant, when he is one. */
  of(participant: Participant): RadioChannel | undefined {
    return [...this.#patched.values()].find((each) => each.participant === participant)?.channel;
  }

  async detachAll(): Promise<void> {
    const channels = [...this.#patched.values()];
    for (const { squelch } of channels) squelch.stop();
    this.#patched.clear();
    await Promise.allSettled(channels.map(({ channel }) => channel.detach()));
  }
}

function partyOf({ view }: Participant) {
  return { id: view.id, name: view.name.zh };
}

/** Seats have keys of their own, and channels their squelch. */
function speaksByVoice({ view }: Participant): boolean {
  return view.kind !== 'seat' && view.kind !== 'channel';
}
