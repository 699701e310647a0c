import type { MediaBridge } from '#media/bridge.ts';
import type { MediaEngine } from '#media/engine.ts';
import type { Playback } from '#media/playback.ts';
import type { HangUpReason, Leg } from './leg.ts';
import type { Recording, RecordingOf, Recordings } from './recording.ts';

/** Two legs joined. While one holds the other, the held one hears music and the holder is not heard. */
export class Bridge implements AsyncDisposable {
  readonly #media: MediaBridge;
  readonly #recording: Promise<Recording | undefined> | undefined;
  #music?: Playback;
  /** Resolves with the reason when either leg has ended; the other is then hung up too. */
  readonly ended: Promise<HangUpReason>;

  /** Joins two answered legs. `recorded` absent: the call is not recorded. */
  static async join(
    a: Leg,
    b: Leg,
    parts: {
      engine: MediaEngine;
      recordings: Recordings;
      holdMusicFile: string;
      recorded?: RecordingOf;
      onHeld?(isHeld: boolean): void;
    },
  ): Promise<Bridge> {
    const media = await parts.engine.openBridge({ label: `call ${a.id}` });
    await media.add(a.node);
    await media.add(b.node);
    return new Bridge(a, b, media, parts);
  }

  private constructor(a: Leg, b: Leg, media: MediaBridge, parts: Parameters<typeof Bridge.join>[2]) {
    this.#media = media;
    this.#recording = parts.recorded ? parts.recordings.start(media, parts.recorded) : undefined;
    const follow = (holder: Leg, held: Leg) =>
      holder.on('held', (isHeld) => {
        void this.#hold(holder, held, isHeld, parts);
        parts.onHeld?.(isHeld);
      });
    follow(a, b);
    follow(b, a);
    // Digits are no sound: they are taken out on the way in and made anew on the way out.
    a.on('digit', (digit) => void b.sendDigits(digit).catch(() => {}));
    b.on('digit', (digit) => void a.sendDigits(digit).catch(() => {}));
    this.ended = Promise.race([a.ended, b.ended]).then(async (reason) => {
      await Promise.all([a.hangUp(reason), b.hangUp(reason)]);
      return reason;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#music?.close();
    await (await this.#recording)?.stop();
    await this.#media.close();
  }

  async #hold(
    holder: Leg,
    held: Leg,
    isHeld: boolean,
    { engine, holdMusicFile }: { engine: MediaEngine; holdMusicFile: string },
  ) {
    // Clients that hold with `sendonly` keep sending their microphone: it must not be heard.
    await this.#media.setMuted(holder.node, isHeld);
    if (isHeld && !this.#music) {
      this.#music = await engine.openPlayback({ source: { kind: 'file', path: holdMusicFile }, loop: true });
      await this.#media.add(this.#music, { hears: 'nobody', heardBy: [held.node.id] });
    } else if (!isHeld && this.#music) {
      const music = this.#music;
      this.#music = undefined;
      await this.#media.remove(music);
      await music.close();
    }
  }
}
