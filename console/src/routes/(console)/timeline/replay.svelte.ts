import { nextSoundAfter, playingAt, type Clip, type LaneName } from './model.ts';

export const SPEEDS = [0.5, 1, 2, 4] as const;
export type Speed = (typeof SPEEDS)[number];

/** A player may be this far from the play head before it is set anew; less is not heard and setting it is. */
const DRIFT_MS = 250;
const STEP_MS = 50;

/**
 * The play head, and every sound and picture under it. The head is the clock; players follow it. `isLive`: the head is
 * the present, and nothing is played because it is being heard anyway.
 */
export class Replay {
  head = $state(0);
  isLive = $state(true);
  isPlaying = $state(false);
  speed = $state<Speed>(1);
  skipsSilence = $state(false);
  /** Lanes whose sound is off. */
  muted = $state.raw<ReadonlySet<LaneName>>(new Set());
  /** What is heard and seen at the head. */
  playing = $state.raw<Clip[]>([]);
  /** The element that shows pictures, and where its clip begins. */
  video: HTMLVideoElement | undefined;
  #clips: readonly Clip[] = [];
  readonly #players = new Map<string, HTMLAudioElement>();
  readonly #now: () => number;
  #timer: ReturnType<typeof setInterval> | undefined;
  #last = 0;

  constructor(now: () => number) {
    this.#now = now;
    this.head = now();
    this.#timer = setInterval(() => this.#step(), STEP_MS);
  }

  setClips(clips: readonly Clip[]): void {
    this.#clips = clips;
    this.#gather();
  }

  /** The picture under the head. */
  get picture(): Clip | undefined {
    return this.playing.find(({ media }) => media?.kind === 'video');
  }

  seek(at: number): void {
    const now = this.#now();
    if (at >= now) return this.goLive();
    this.isLive = false;
    this.head = at;
    this.#gather();
    this.#follow(true);
  }

  by(ms: number): void {
    this.seek((this.isLive ? this.#now() : this.head) + ms);
  }

  goLive(): void {
    this.isLive = true;
    this.isPlaying = false;
    this.head = this.#now();
    this.#gather();
    this.#follow(true);
  }

  toggle(): void {
    if (this.isPlaying) this.isPlaying = false;
    else {
      if (this.isLive) this.seek(this.#now() - 10_000);
      this.isPlaying = true;
    }
    this.#last = performance.now();
    this.#follow(true);
  }

  /** Plays from here, at a press on a clip's own button. */
  playFrom(at: number): void {
    this.seek(at);
    this.isPlaying = true;
    this.#last = performance.now();
    this.#follow(true);
  }

  toggleLane(lane: LaneName): void {
    const next = new Set(this.muted);
    if (!next.delete(lane)) next.add(lane);
    this.muted = next;
    this.#follow(true);
  }

  close(): void {
    clearInterval(this.#timer);
    for (const player of this.#players.values()) stop(player);
    this.#players.clear();
  }

  #step(): void {
    const passed = performance.now() - this.#last;
    this.#last = performance.now();
    if (this.isLive) {
      this.head = this.#now();
      return;
    }
    if (!this.isPlaying) return;
    let head = this.head + passed * this.speed;
    if (head >= this.#now()) return this.goLive();
    if (this.skipsSilence && playingAt(this.#clips, head).length === 0) {
      const next = nextSoundAfter(this.#clips, head);
      if (next !== undefined && next - head > 1000) head = next - 200;
    }
    this.head = head;
    this.#gather();
    this.#follow(false);
  }

  #gather(): void {
    const now = this.isLive ? [] : playingAt(this.#clips, this.head);
    const isSame = now.length === this.playing.length && now.every((clip, i) => clip.id === this.playing[i]?.id);
    if (!isSame) this.playing = now;
  }

  /** Brings every player to where the head is; those that are not under it any more are let go. */
  #follow(isExact: boolean): void {
    const wanted = new Set<string>();
    for (const clip of this.playing) {
      if (clip.media?.kind !== 'audio') continue;
      wanted.add(clip.id);
      let player = this.#players.get(clip.id);
      if (!player) {
        if (!this.isPlaying) continue;
        player = new Audio(clip.media.url);
        player.preload = 'auto';
        this.#players.set(clip.id, player);
      }
      this.#place(player, clip, isExact);
      player.muted = this.muted.has(clip.lane);
    }
    for (const [id, player] of this.#players) {
      if (wanted.has(id)) continue;
      stop(player);
      this.#players.delete(id);
    }
    const picture = this.picture;
    if (this.video && picture) {
      this.#place(this.video, picture, isExact);
      this.video.muted = this.muted.has('video');
    } else this.video?.pause();
  }

  #place(player: HTMLMediaElement, clip: Clip, isExact: boolean): void {
    const at = (this.head - clip.from) / 1000;
    const drift = Math.abs(player.currentTime - at) * 1000;
    if (drift > (isExact ? 40 : DRIFT_MS * this.speed) && player.readyState > 0 && !player.seeking)
      player.currentTime = at;
    if (player.playbackRate !== this.speed) player.playbackRate = this.speed;
    if (this.isPlaying && player.paused) void player.play().catch(() => undefined);
    else if (!this.isPlaying && !player.paused) player.pause();
  }
}

function stop(player: HTMLAudioElement): void {
  player.pause();
  player.removeAttribute('src');
  player.load();
}
