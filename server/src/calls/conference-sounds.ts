import type { Words } from '@tocsin/protocol/reaching.ts';
import { sleep, type Clock } from '#kernel/clock.ts';
import type { Log } from '#kernel/log.ts';
import type { MediaBridge } from '#media/bridge.ts';
import type { MediaEngine } from '#media/engine.ts';
import type { PlaybackSource } from '#media/playback.ts';
import type { Leg } from './leg.ts';

/** However many come at once, one tone a second is enough to be heard. */
const TONE_EVERY_MS = 1000;
const TONE_FOR_MS = 300;
const TONES = {
  /** Rising: somebody has come. */
  entered: { kind: 'tone', hz: [520, 780], onMs: 120, offMs: 20, inTurn: true, levelDb: -24 },
  /** Falling: somebody has gone. */
  left: { kind: 'tone', hz: [780, 520], onMs: 120, offMs: 20, inTurn: true, levelDb: -24 },
} as const satisfies Record<string, PlaybackSource>;

/** What a conference itself lets be heard: tones when people come and go, and words to all or to one. */
export class ConferenceSounds {
  readonly #bridge: MediaBridge;
  readonly #hasTones: boolean;
  readonly #parts: { engine: MediaEngine; clock: Clock; log: Log };
  #lastToneMs = -Infinity;

  constructor(bridge: MediaBridge, hasTones: boolean, parts: { engine: MediaEngine; clock: Clock; log: Log }) {
    this.#bridge = bridge;
    this.#hasTones = hasTones;
    this.#parts = parts;
  }

  /** At most once a second: in a burst of arrivals nobody's words are drowned. */
  tone(which: keyof typeof TONES): void {
    const now = this.#parts.clock.monotonic();
    if (!this.#hasTones || now - this.#lastToneMs < TONE_EVERY_MS) return;
    this.#lastToneMs = now;
    void this.#play(TONES[which], undefined, TONE_FOR_MS).catch((error: unknown) =>
      this.#parts.log.warn('conference tone not played', { error }),
    );
  }

  /** Says words to everybody, or to one; the talk goes on. Without a voice for them there is silence. */
  async say(words: Words, to?: Leg): Promise<void> {
    const spoken = await this.#parts.engine.speak(words).catch(() => undefined);
    if (spoken) await this.#play({ kind: 'file', path: spoken.file }, to);
  }

  async #play(source: PlaybackSource, to: Leg | undefined, forMs?: number): Promise<void> {
    const playback = await this.#parts.engine.openPlayback({ source });
    try {
      await this.#bridge.add(playback, { hears: 'nobody', heardBy: to ? [to.node.id] : 'everyone' });
      const end = forMs === undefined ? [] : [sleep(this.#parts.clock, forMs)];
      await Promise.race([playback.ended, ...(to ? [to.ended] : []), ...end]);
    } finally {
      await playback.close();
    }
  }
}
