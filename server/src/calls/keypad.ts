import type { Words } from '@tocsin/protocol/reaching.ts';
import { sleep, type Clock } from '#kernel/clock.ts';
import type { MediaEngine } from '#media/engine.ts';
import type { Aside } from './aside.ts';
import type { Leg } from './leg.ts';

/** After the words the first key must come within this time, each further one within the second. */
const FIRST_KEY_WITHIN_MS = 10_000;
const NEXT_KEY_WITHIN_MS = 5_000;
const MOST_KEYS = 24;
/** How often a playback that is only just being opened is told to stop. */
const STOP_EVERY_MS = 20;

/** The keys of one leg, in order; those pressed between two questions wait for the next. */
export class Keypad {
  readonly #leg: Leg;
  readonly #parts: { aside: Aside; engine: MediaEngine; clock: Clock };
  readonly #off: () => void;
  #pressed: string[] = [];
  #onKey?: () => void;

  constructor(leg: Leg, parts: { aside: Aside; engine: MediaEngine; clock: Clock }) {
    this.#leg = leg;
    this.#parts = parts;
    this.#off = leg.on('digit', (digit) => {
      this.#pressed = [...this.#pressed, digit].slice(-MOST_KEYS);
      this.#onKey?.();
    });
  }

  /**
   * Says words and collects keys up to the hash or a pause; the first key ends the words.
   *
   * @returns '' for the hash alone; undefined when nothing was pressed, or the leg has ended
   */
  async ask(words: Words): Promise<string | undefined> {
    const stop = new AbortController();
    const spoken = this.#say(words, stop.signal);
    let keys: string | undefined;
    for (;;) {
      const key = await this.#next(keys === undefined ? spoken : undefined);
      stop.abort();
      if (key === undefined) break;
      keys ??= '';
      if (key === '#' || keys.length >= MOST_KEYS) break;
      keys += key;
    }
    await spoken;
    return this.#leg.state === 'ended' ? undefined : keys;
  }

  close(): void {
    this.#off();
  }

  /** The next key; undefined when none comes in time, which for the first begins when the words have ended. */
  async #next(words: Promise<void> | undefined): Promise<string | undefined> {
    const { clock } = this.#parts;
    const over = new AbortController();
    const key = new Promise<void>((resolve) => {
      this.#onKey = resolve;
      if (this.#pressed.length > 0) resolve();
    });
    const late = (async () => {
      await words;
      await sleep(clock, words ? FIRST_KEY_WITHIN_MS : NEXT_KEY_WITHIN_MS, over.signal).catch(() => {});
    })();
    await Promise.race([key, late, this.#leg.ended]);
    over.abort();
    this.#onKey = undefined;
    return this.#pressed.shift();
  }

  /** Without a voice for the words there is silence, and the keys are waited for all the same. */
  async #say(words: Words, signal: AbortSignal): Promise<void> {
    const { aside, engine, clock } = this.#parts;
    const spoken = await engine.speak(words).catch(() => undefined);
    if (!spoken || signal.aborted || this.#leg.state === 'ended') return;
    let isOver = false;
    // A leg that has just ended hears nothing any more.
    const playing = aside.play({ kind: 'file', path: spoken.file }).catch(() => {});
    const ended = playing.then(() => {
      isOver = true;
    });
    await Promise.race([ended, new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))]);
    while (!isOver) {
      await aside.stop();
      await Promise.race([ended, sleep(clock, STOP_EVERY_MS)]);
    }
  }
}
