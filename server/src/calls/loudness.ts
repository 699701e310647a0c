import { DispatchError } from '#kernel/errors.ts';
import type { MemberOptions } from '#media/worker/protocol.ts';
import type { ConferenceInside } from './conference-inside.ts';
import type { Participant } from './participant.ts';

/**
 * How loud the others hear each participant of a conference: by hand, and by itself. Radios keep their level unless they are named:
 * their gateways have set it, and a hissing carrier is not to be raised.
 */
export class Loudness {
  readonly #inside: ConferenceInside;
  #isAutomatic = false;

  constructor(inside: ConferenceInside) {
    this.#inside = inside;
  }

  /** Everybody but the radios is brought to one level. */
  get isAutomatic(): boolean {
    return this.#isAutomatic;
  }

  /** As he is heard who comes in now. */
  ofNewcomer({ view }: Participant): MemberOptions {
    const isLevelled = view.isLevelled ?? (this.#isAutomatic && view.kind !== 'channel');
    if (isLevelled) view.isLevelled = true;
    return { gainDb: view.volumeDb ?? 0, automaticLevel: isLevelled };
  }

  /** @param gainDb -60 … +20 @throws DispatchError PARTICIPANT_UNKNOWN */
  async setVolume(id: string, gainDb: number, by: string): Promise<void> {
    const participant = this.#participant(id);
    await this.#inside.bridge.setGain(participant.leg!.node, gainDb);
    this.#inside.change(participant, { volumeDb: gainDb });
    this.#inside.note(
      'conference.volume-set',
      { participant: id, name: participant.view.name.zh, gainDb, by },
      participant,
    );
  }

  /**
   * Brings one, or everybody but the radios and whoever comes later, to the level of the others; slowly, and by 12 dB at most.
   * @throws DispatchError PARTICIPANT_UNKNOWN
   */
  async setAutomatic(isOn: boolean, by: string, id?: string): Promise<void> {
    const { participants, bridge, change, note } = this.#inside;
    const concerned =
      id === undefined
        ? [...participants.values()].filter(({ view, leg }) => leg && view.kind !== 'channel')
        : [this.#participant(id)];
    if (id === undefined) this.#isAutomatic = isOn;
    for (const participant of concerned) {
      await bridge.setAutomaticLevel(participant.leg!.node, isOn);
      change(participant, { isLevelled: isOn });
    }
    change();
    note('conference.level-automatic', { isOn, by, ...(id === undefined ? {} : { participant: id }) });
  }

  #participant(id: string): Participant {
    const participant = this.#inside.participants.get(id);
    if (!participant?.leg) throw new DispatchError('PARTICIPANT_UNKNOWN', id);
    return participant;
  }
}
