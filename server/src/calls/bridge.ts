import type { MediaBridge } from '#media/bridge.ts';
import type { MediaEngine } from '#media/engine.ts';
import type { Playback, PlaybackSource } from '#media/playback.ts';
import type { HangUpReason, Leg, TransferRequest } from './leg.ts';
import type { RecordingOf, Recordings } from './recording.ts';
import { type RecordingState, TalkRecording } from './talk-recording.ts';

export interface BridgeParts {
  engine: MediaEngine;
  recordings: Recordings;
  holdMusicFile: string;
  recorded: RecordingOf;
  /** As it was recorded where it comes from. */
  recordedEarlier?: Partial<RecordingState>;
  onRecording?(state: RecordingState): void;
  onHeld?(isHeld: boolean): void;
  /** True when a digit is meant for the exchange; it is then not passed on. */
  takesDigit?(leg: Leg, digit: string): boolean;
  /** A leg asks to be replaced by somebody else. Without it such wishes are refused. */
  onTransferAsked?(leg: Leg, request: TransferRequest): void;
  /** A leg that is left alone by the other's end is not hung up: whoever made the bridge knows what to do with it. */
  leavesTheOther?: boolean | ((left: Leg) => boolean);
}

/** How a bridge ended: a leg hung up, or all of them were taken elsewhere. */
export type BridgeEnd = HangUpReason | 'taken-elsewhere';

/**
 * Two places for legs that talk with each other. Whoever is held, or alone because the other was taken off, hears music.
 * What one does with a call is to take legs off and to put others on: transfer, park, consult and conference are no more.
 */
export class Bridge implements AsyncDisposable {
  /** Resolves when a leg has hung up, and whoever was here with it was hung up too; or when the last was taken off. */
  readonly ended: Promise<BridgeEnd>;
  readonly #media: MediaBridge;
  readonly #parts: BridgeParts;
  readonly recording: TalkRecording;
  readonly #end = Promise.withResolvers<BridgeEnd>();
  readonly #followed = new Map<Leg, (() => void)[]>();
  /** Changes of who hears what, one after another. */
  #settling: Promise<unknown> = Promise.resolve();
  #music?: Playback;
  #insert?: { playback: Playback; to?: Leg };
  /** Who is played something alone: away from the talk until it ends. */
  #away?: Leg;
  #isOver = false;

  /** Joins two answered legs; one alone hears music until another comes. */
  static async join(legs: readonly Leg[], parts: BridgeParts): Promise<Bridge> {
    const media = await parts.engine.openBridge({ label: `call ${legs[0]?.id}` });
    const bridge = new Bridge(media, parts);
    await bridge.#put(...legs);
    return bridge;
  }

  private constructor(media: MediaBridge, parts: BridgeParts) {
    this.#media = media;
    this.#parts = parts;
    this.recording = new TalkRecording({
      ...{ recordings: parts.recordings, bridge: media, of: parts.recorded },
      ...(parts.onRecording ? { onChanged: (state) => parts.onRecording!(state) } : {}),
    });
    this.recording.begin(parts.recordedEarlier);
    this.ended = this.#end.promise;
  }

  /** Where they talk: for whoever supervises them. */
  get media(): MediaBridge {
    return this.#media;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  legs(): Leg[] {
    return [...this.#followed.keys()];
  }

  /** Who talks with this leg. */
  other(leg: Leg): Leg | undefined {
    return this.legs().find((each) => each !== leg);
  }

  /** Puts an answered leg on a free place. */
  async add(leg: Leg): Promise<void> {
    if (!this.#followed.has(leg)) await this.#put(leg);
  }

  /** Takes legs off without ending them: their end is no longer the bridge's. Whoever stays hears music until another comes. */
  async take(...legs: Leg[]): Promise<void> {
    const here = legs.filter((leg) => this.#followed.has(leg));
    if (here.length === 0) return;
    for (const leg of here) this.#forget(leg);
    if (here.some((leg) => leg === this.#insert?.to)) await this.stopPlaying();
    await this.#settle(async () => {
      // They may have been put on another bridge, or have ended, in the meantime.
      for (const leg of here) await this.#media.remove(leg.node).catch(() => {});
    });
    if (this.#followed.size === 0) this.#over('taken-elsewhere');
  }

  /** Puts an answered leg in the place of one that is hung up. */
  async replace(leaving: Leg, by: Leg, because: HangUpReason = 'transferred'): Promise<void> {
    this.#forget(leaving);
    await this.add(by);
    await leaving.hangUp(because);
  }

  /**
   * Plays something into the call: for both to hear, who can talk meanwhile; or for one, who then hears nothing else and
   * is not heard. Resolves when it has ended; another one takes its place.
   */
  async play(
    source: PlaybackSource,
    options: { to?: Leg; loop?: boolean | number } = {},
  ): Promise<'finished' | 'stopped'> {
    await this.stopPlaying();
    const playback = await this.#parts.engine.openPlayback({ source, ...(options.loop ? { loop: options.loop } : {}) });
    const { to } = options;
    const insert = { playback, ...(to ? { to } : {}) };
    this.#insert = insert;
    await this.#settle(async () => {
      await this.#media.add(playback, { hears: 'nobody', heardBy: to ? [to.node.id] : 'everyone' });
    });
    const how = await playback.ended;
    if (this.#insert === insert) await this.stopPlaying();
    return how;
  }

  /** Lets one hear a short tone beside the talk, which goes on. */
  async beep(source: PlaybackSource, to: Leg): Promise<void> {
    const playback = await this.#parts.engine.openPlayback({ source });
    try {
      if (this.#isOver) return;
      await this.#media.add(playback, { hears: 'nobody', heardBy: [to.node.id] });
      await Promise.race([playback.ended, to.ended]);
      await this.#media.remove(playback).catch(() => {});
    } finally {
      await playback.close();
    }
  }

  async stopPlaying(): Promise<void> {
    const { playback } = this.#insert ?? {};
    if (!playback) return;
    this.#insert = undefined;
    await this.#settle(async () => {
      await this.#media.remove(playback).catch(() => {});
      await playback.close();
    });
  }

  /** Passes digits on to whom this leg talks with. Digits are no sound: they are taken out on the way in and made anew. */
  async passDigits(from: Leg, digits: string): Promise<void> {
    await this.other(from)
      ?.sendDigits(digits)
      .catch(() => {});
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true;
    await this.#settling;
    await this.#music?.close();
    await this.#insert?.playback.close();
    await this.recording.close();
    await this.#media.close();
  }

  async #put(...legs: Leg[]): Promise<void> {
    // Followed before they are heard: a leg that ends meanwhile must not be missed.
    for (const leg of legs) this.#follow(leg);
    await this.#settle(async () => {
      for (const leg of legs) await this.#media.add(leg.node, { isMuted: leg.isHeldByPeer }).catch(gone(leg));
    });
  }

  #follow(leg: Leg): void {
    this.#followed.set(leg, [
      leg.on('held', (isHeld) => {
        // Clients that hold with `sendonly` keep sending their microphone: it must not be heard.
        void this.#settle(() => this.#media.setMuted(leg.node, isHeld)).catch(gone(leg));
        this.#parts.onHeld?.(isHeld);
      }),
      leg.on('digit', (digit) => {
        if (!this.#parts.takesDigit?.(leg, digit)) void this.passDigits(leg, digit);
      }),
      leg.on('transfer-asked', (request) => {
        if (this.#parts.onTransferAsked) this.#parts.onTransferAsked(leg, request);
        else request.refuse(603);
      }),
    ]);
    void leg.ended.then((reason) => this.#finish(leg, reason));
  }

  #forget(leg: Leg): void {
    for (const off of this.#followed.get(leg) ?? []) off();
    this.#followed.delete(leg);
  }

  async #finish(leg: Leg, reason: HangUpReason): Promise<void> {
    if (!this.#followed.has(leg)) return;
    this.#forget(leg);
    const { leavesTheOther = false } = this.#parts;
    const isLeft = typeof leavesTheOther === 'boolean' ? () => leavesTheOther : leavesTheOther;
    await Promise.all(this.legs().map((each) => (isLeft(each) ? undefined : each.hangUp(reason))));
    this.#over(reason);
  }

  #over(how: BridgeEnd): void {
    this.#isOver = true;
    this.#end.resolve(how);
  }

  /** Does one change, then lets those hear music who should. */
  #settle(change: () => Promise<unknown>): Promise<void> {
    const settled = this.#settling
      .then(change)
      .then(() => this.#shareOut())
      .then(() => {});
    this.#settling = settled.catch(() => {});
    return settled;
  }

  async #shareOut(): Promise<void> {
    if (this.#isOver) return;
    const to = this.#insert?.to;
    if (this.#away !== to) {
      const back = this.#away;
      this.#away = to;
      if (back && this.#followed.has(back)) await this.#hear(back, 'everyone', 'everyone');
      if (to) await this.#hear(to, [this.#insert!.playback.id], 'nobody');
    }
    const legs = this.legs();
    const waiting = legs.filter((leg) => leg !== to && (legs.length === 1 || this.other(leg)?.isHeldByPeer));
    await this.#playMusicTo(waiting.map(({ node }) => node.id));
  }

  async #hear(leg: Leg, hears: 'everyone' | string[], heardBy: 'everyone' | 'nobody'): Promise<void> {
    await Promise.all([this.#media.setHears(leg.node, hears), this.#media.setHeardBy(leg.node, heardBy)]).catch(
      gone(leg),
    );
  }

  async #playMusicTo(nodes: string[]): Promise<void> {
    if (nodes.length === 0) {
      const music = this.#music;
      this.#music = undefined;
      if (!music) return;
      await this.#media.remove(music).catch(() => {});
      return await music.close();
    }
    if (this.#music) return await this.#media.setHeardBy(this.#music, nodes);
    const path = this.#parts.holdMusicFile;
    this.#music = await this.#parts.engine.openPlayback({ source: { kind: 'file', path }, loop: true });
    await this.#media.add(this.#music, { hears: 'nobody', heardBy: nodes });
  }
}

/** What is done to a leg that has just ended cannot be done, and need not be. */
function gone(leg: Leg): (error: unknown) => void {
  return (error) => {
    if (leg.state !== 'ended') throw error;
  };
}
