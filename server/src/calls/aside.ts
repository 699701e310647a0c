import type { Words } from '@tocsin/protocol/reaching.ts';
import type { MediaBridge } from '#media/bridge.ts';
import type { MediaEngine } from '#media/engine.ts';
import type { Playback, PlaybackSource } from '#media/playback.ts';
import type { Clock } from '#kernel/clock.ts';
import type { Leg } from './leg.ts';
import { TONES } from './tones.ts';

/** The first key must come within this time, each further one within the second. */
const FIRST_KEY_WITHIN_MS = 10_000;
const NEXT_KEY_WITHIN_MS = 3_000;
const MOST_KEYS = 24;

/** A leg apart from every talk: it hears what is played to it, and nobody hears it. */
export class Aside implements AsyncDisposable {
  readonly #leg: Leg;
  readonly #engine: MediaEngine;
  readonly #bridge: MediaBridge;
  #playback?: Playback;

  static async open(leg: Leg, engine: MediaEngine): Promise<Aside> {
    const bridge = await engine.openBridge({ label: `aside ${leg.id}` });
    const aside = new Aside(leg, engine, bridge);
    // A leg that ends just now hears nothing any more; nobody minds.
    await bridge.add(leg.node, { heardBy: 'nobody' }).catch(() => {});
    return aside;
  }

  private constructor(leg: Leg, engine: MediaEngine, bridge: MediaBridge) {
    this.#leg = leg;
    this.#engine = engine;
    this.#bridge = bridge;
  }

  /** Resolves when it has ended, when something else is played, or when the leg has ended. */
  async play(source: PlaybackSource, options: { loop?: boolean | number } = {}): Promise<void> {
    await this.stop();
    const playback = await this.#engine.openPlayback({ source, ...options });
    this.#playback = playback;
    await this.#bridge.add(playback, { hears: 'nobody' });
    await Promise.race([playback.ended, this.#leg.ended]);
  }

  /** Says words. Without a voice for them there is silence, and whoever called goes on. */
  async say(words: Words): Promise<void> {
    const spoken = await this.#engine.speak(words).catch(() => undefined);
    if (spoken) await this.play({ kind: 'file', path: spoken.file });
  }

  async stop(): Promise<void> {
    const playback = this.#playback;
    this.#playback = undefined;
    await playback?.close();
  }

  /** With a dial tone; `#` ends the number, or a pause does. undefined: nothing, or nothing but `*`, was pressed. */
  async askNumber(clock: Clock): Promise<string | undefined> {
    const done = Promise.withResolvers<void>();
    let keys = '';
    let timer = clock.after(FIRST_KEY_WITHIN_MS, done.resolve);
    const off = this.#leg.on('digit', (digit) => {
      void this.stop();
      timer.cancel();
      if (digit === '#' || keys.length >= MOST_KEYS) return done.resolve();
      keys += digit;
      timer = clock.after(NEXT_KEY_WITHIN_MS, done.resolve);
    });
    void this.play(TONES.dial).catch(() => {});
    await Promise.race([done.promise, this.#leg.ended]);
    timer.cancel();
    off();
    await this.stop();
    return /[0-9]/.test(keys) ? keys : undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    await this.#bridge.remove(this.#leg.node).catch(() => {});
    await this.#bridge.close();
  }
}
