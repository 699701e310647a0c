import type { PatchOutcome } from '@tocsin/protocol/reaching.ts';
import type { RadioChannel } from './channel.ts';
import type { ConferenceInside } from './conference-inside.ts';
import type { Participant } from './participant.ts';

/** The radio channels of a conference: everybody hears the radio, the radio hears everybody while the floor is given. */
export class ConferenceChannels {
  readonly #inside: ConferenceInside;
  readonly #patched = new Map<string, { channel: RadioChannel; participant: Participant }>();

  constructor(inside: ConferenceInside) {
    this.#inside = inside;
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
    this.#patched.set(channel.id, { channel, participant });
    inside.note('conference.channel-patched', { channel: channel.id });
    inside.change();
    leg.once('ended', (because) => {
      if (this.#patched.get(channel.id)?.participant !== participant) return;
      this.#patched.delete(channel.id);
      participant.moveTo('left', inside.parts.clock.now(), because);
      inside.tell(participant);
    });
    return { kind: 'patched' };
  }

  async unpatch(channel: RadioChannel): Promise<void> {
    const patched = this.#patched.get(channel.id);
    if (!patched) return;
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
    this.#patched.clear();
    await Promise.allSettled(channels.map(({ channel }) => channel.detach()));
  }
}
