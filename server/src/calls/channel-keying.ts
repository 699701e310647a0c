import type { Clock, Timer } from '#kernel/clock.ts';
import type { Log } from '#kernel/log.ts';
import type { RadioChannel } from './channel.ts';
import type { Leg } from './leg.ts';

/** The keys by which a telephone takes the floor and lets go of it: people know them from phone patches. */
export const FLOOR_KEYS = { take: '*', release: '#' } as const;

/** After a squelch has closed, its speech may be so long in coming, and take so long to pass. */
const SPEECH_FOLLOWS_WITHIN_MS = 200;
const SPEECH_PASSES_WITHIN_MS = 2000;

/** Who keys channels with a telephone. */
export interface KeyingParty {
  id: string;
  name: string;
}

/**
 * Asks channels for the floor on behalf of those who have no key of their own: a telephone by its keys or by its voice, another
 * channel by its squelch. Whoever cannot have the floor now waits for it as long as he speaks.
 */
export class ChannelKeying {
  readonly #channels: () => Iterable<RadioChannel>;
  readonly #clock: Clock;
  readonly #log: Log;

  /** `channels`: those that are keyed, each time anew. */
  constructor(channels: () => Iterable<RadioChannel>, { clock, log }: { clock: Clock; log: Log }) {
    this.#channels = channels;
    this.#clock = clock;
    this.#log = log;
  }

  /**
   * What one channel's receiver hears goes out on the others. The word that its squelch has closed is faster than the speech before
   * it, so the floor is given back when the speech has passed here as well. Stops when `stop` is called.
   */
  followSquelch(channel: RadioChannel): { speaking(isSpeaking: boolean): void; stop(): void } {
    const id = `channel:${channel.id}`;
    let isSpeaking = false;
    let settled: Timer | undefined;
    const letGo = () => {
      settled?.cancel();
      settled = undefined;
      this.#letGo(id);
    };
    const off = channel.on('heard', (isOpen, talker) => {
      settled?.cancel();
      settled = undefined;
      if (isOpen) return this.#press({ id, name: `${channel.facts.name.zh} ${talker}` }, channel);
      settled = this.#clock.after(SPEECH_FOLLOWS_WITHIN_MS, () => {
        if (!isSpeaking) return letGo();
        settled = this.#clock.after(SPEECH_PASSES_WITHIN_MS, letGo);
      });
    });
    return {
      speaking: (now) => {
        isSpeaking = now;
        if (!now && settled) letGo();
      },
      stop: () => {
        off();
        letGo();
      },
    };
  }

  /** A telephone's keys, until its leg ends. */
  followKeys(party: KeyingParty, leg: Leg, speaksInto?: Leg): void {
    leg.on('digit', (digit) => {
      if (digit === FLOOR_KEYS.take) this.#press(party, undefined, speaksInto);
      if (digit === FLOOR_KEYS.release) this.#letGo(party.id);
    });
    leg.once('ended', () => this.#letGo(party.id));
  }

  /** Somebody's voice is heard, or no longer. */
  voice(party: KeyingParty, isSpeaking: boolean, speaksInto?: Leg): void {
    if (isSpeaking) this.#press(party, undefined, speaksInto);
    else this.#letGo(party.id);
  }

  #press({ id, name }: KeyingParty, except?: RadioChannel, leg?: Leg): void {
    for (const channel of this.#channels()) {
      if (channel === except) continue;
      try {
        channel.request({ id, name, priority: 1 }, { mayQueue: true, ...(leg ? { leg } : {}) });
      } catch (error) {
        // The channel is not there; the others are.
        this.#log.debug('channel not keyed', { channel: channel.id, error });
      }
    }
  }

  #letGo(id: string): void {
    for (const channel of this.#channels()) channel.release(id);
  }
}
