import type { MediaBridge } from '#media/bridge.ts';
import type { MediaEngine } from '#media/engine.ts';
import type { Playback } from '#media/playback.ts';
import type { HangUpReason, Leg } from './leg.ts';
import type { Recording, RecordingOf, Recordings } from './recording.ts';

interface BridgeParts {
  engine: MediaEngine;
  recordings: Recordings;
  holdMusicFile: string;
  /** Absent: the call is not recorded. */
  recorded?: RecordingOf;
  onHeld?(isHeld: boolean): void;
}

/**
 * Two legs joined. While one holds the other, the held one hears music and the holder is not heard. One leg can be
 * replaced by a third: that is a transfer.
 */
export class Bridge implements AsyncDisposable {
  /** Resolves with the reason when either leg has ended; the other is then hung up too. */
  readonly ended: Promise<HangUpReason>;
  readonly #media: MediaBridge;
  readonly #parts: BridgeParts;
  readonly #recording: Promise<Recording | undefined> | undefined;
  readonly #end = Promise.withResolvers<HangUpReason>();
  readonly #followed = new Map<Leg, (() => void)[]>();
  #leaving?: Leg;
  #music?: Playback;

  /** Joins two answered legs. */
  static async join(a: Leg, b: Leg, parts: BridgeParts): Promise<Bridge> {
    const media = await parts.engine.openBridge({ label: `call ${a.id}` });
    await media.add(a.node);
    await media.add(b.node);
    return new Bridge(a, b, media, parts);
  }

  private constructor(a: Leg, b: Leg, media: MediaBridge, parts: BridgeParts) {
    this.#media = media;
    this.#parts = parts;
    this.#recording = parts.recorded ? parts.recordings.start(media, parts.recorded) : undefined;
    this.ended = this.#end.promise;
    this.#follow(a);
    this.#follow(b);
  }

  /** Who talks with this leg. */
  other(leg: Leg): Leg | undefined {
    return [...this.#followed.keys()].find((each) => each !== leg);
  }

  /** This leg hands the call on and may hang up before the third has answered; `undefined` when that came to nothing. */
  async handsOn(leg: Leg | undefined): Promise<void> {
    const before = this.#leaving;
    this.#leaving = leg;
    if (!leg && before?.state === 'ended') await this.#finish(before, 'caller-hung-up');
  }

  /** Puts an answered leg in the place of one that leaves. */
  async replace(leaving: Leg, by: Leg): Promise<void> {
    await this.#media.add(by.node);
    await this.#stopMusic();
    this.#forget(leaving);
    this.#leaving = undefined;
    this.#follow(by);
    await leaving.hangUp('transferred');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#music?.close();
    await (await this.#recording)?.stop();
    await this.#media.close();
  }

  #follow(leg: Leg): void {
    this.#followed.set(leg, [
      leg.on('held', (isHeld) => {
        void this.#hold(leg, isHeld);
        this.#parts.onHeld?.(isHeld);
      }),
      // Digits are no sound: they are taken out on the way in and made anew on the way out.
      leg.on(
        'digit',
        (digit) =>
          void this.other(leg)
            ?.sendDigits(digit)
            .catch(() => {}),
      ),
    ]);
    void leg.ended.then((reason) => this.#finish(leg, reason));
  }

  #forget(leg: Leg): void {
    for (const off of this.#followed.get(leg) ?? []) off();
    this.#followed.delete(leg);
  }

  async #finish(leg: Leg, reason: HangUpReason): Promise<void> {
    if (!this.#followed.has(leg) || this.#leaving === leg) return;
    await Promise.all([...this.#followed.keys()].map((each) => each.hangUp(reason)));
    this.#end.resolve(reason);
  }

  async #hold(holder: Leg, isHeld: boolean): Promise<void> {
    const { engine, holdMusicFile } = this.#parts;
    // Clients that hold with `sendonly` keep sending their microphone: it must not be heard.
    await this.#media.setMuted(holder.node, isHeld);
    if (!isHeld) return await this.#stopMusic();
    const held = this.other(holder);
    if (this.#music || !held) return;
    this.#music = await engine.openPlayback({ source: { kind: 'file', path: holdMusicFile }, loop: true });
    await this.#media.add(this.#music, { hears: 'nobody', heardBy: [held.node.id] });
  }

  async #stopMusic(): Promise<void> {
    const music = this.#music;
    if (!music) return;
    this.#music = undefined;
    await this.#media.remove(music);
    await music.close();
  }
}
