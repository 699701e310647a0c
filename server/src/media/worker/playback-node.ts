import { FRAME_SAMPLES } from '../jitter-buffer.ts';
import { MediaNode } from './node.ts';
import type { PlayableSound } from './protocol.ts';

const SAMPLES_PER_MS = 8;
/** Tones rise and fall within so many samples (5 ms), so that they do not click. */
const RAMP = 40;

/** Plays samples or a tone; a node that only speaks. */
export class PlaybackNode extends MediaNode {
  readonly canSpeak = true;
  readonly canListen = false;
  isPaused = false;
  playedFrames = 0;
  readonly #sound: PlayableSound;
  readonly #gapSamples: number;
  readonly #finished: () => void;
  readonly #phases: Float64Array;
  readonly #amplitude: number;
  #timesLeft: number;
  /** Turns played: which of several frequencies is next, where they come in turn. */
  #turn = 0;
  /** Within one turn: first the sound (or the tone's on-time), then its pause. */
  #position = 0;
  #isOver = false;

  constructor(id: string, sound: PlayableSound, times: number, gapMs: number, finished: () => void) {
    super(id);
    this.#sound = sound;
    this.#timesLeft = times;
    this.#finished = finished;
    this.#gapSamples = Math.round(gapMs * SAMPLES_PER_MS);
    this.#phases = new Float64Array(sound.kind === 'tone' ? sound.hz.length : 0);
    this.#amplitude = sound.kind === 'tone' ? 32_767 * 10 ** (sound.levelDb / 20) : 0;
  }

  override produce(): void {
    this.hasSound = false;
    this.peak = 0;
    if (this.isPaused || this.#isOver || this.bridgeId === undefined || this.#sound.kind === 'silence') return;
    this.playedFrames += 1;
    const { frame } = this;
    let filled = 0;
    while (filled < FRAME_SAMPLES && !this.#isOver) {
      const soundSamples = this.#soundSamples();
      if (this.#position < soundSamples) {
        const count = Math.min(FRAME_SAMPLES - filled, soundSamples - this.#position);
        this.#write(frame, filled, count, soundSamples);
        this.#position += count;
        filled += count;
        this.hasSound = true;
        continue;
      }
      const isLast = this.#timesLeft <= 1;
      const end = soundSamples + this.#pauseSamples(isLast);
      if (this.#position < end) {
        const count = Math.min(FRAME_SAMPLES - filled, end - this.#position);
        frame.fill(0, filled, filled + count);
        this.#position += count;
        filled += count;
        continue;
      }
      this.#position = 0;
      this.#phases.fill(0);
      this.#timesLeft -= 1;
      this.#turn += 1;
      // A sound without any samples must not turn for ever within one tick.
      if (isLast || end === 0) this.#isOver = true;
    }
    frame.fill(0, filled);
    if (this.hasSound) this.measure();
    if (this.#isOver) this.#finished();
  }

  override consume(): void {
    // A playback hears nothing.
  }

  override close(): void {
    this.#isOver = true;
  }

  #soundSamples(): number {
    if (this.#sound.kind === 'samples') return this.#sound.samples.length;
    if (this.#sound.kind === 'silence' || this.#sound.onMs === undefined) return Infinity;
    return Math.round(this.#sound.onMs * SAMPLES_PER_MS);
  }

  /** A tone's off-time belongs to each of its turns; a gap only stands between turns. */
  #pauseSamples(isLast: boolean): number {
    const off = this.#sound.kind === 'tone' ? Math.round((this.#sound.offMs ?? 0) * SAMPLES_PER_MS) : 0;
    return off + (isLast ? 0 : this.#gapSamples);
  }

  #write(frame: Int16Array, at: number, count: number, soundSamples: number): void {
    if (this.#sound.kind === 'samples') {
      const { samples } = this.#sound;
      for (let i = 0; i < count; i += 1) frame[at + i] = samples[this.#position + i]!;
      return;
    }
    if (this.#sound.kind !== 'tone') return;
    const { hz, inTurn } = this.#sound;
    const first = inTurn ? this.#turn % hz.length : 0;
    const end = inTurn ? first + 1 : hz.length;
    for (let i = 0; i < count; i += 1) {
      let sum = 0;
      for (let tone = first; tone < end; tone += 1) {
        sum += Math.sin(this.#phases[tone]!);
        this.#phases[tone] = (this.#phases[tone]! + (2 * Math.PI * hz[tone]!) / 8000) % (2 * Math.PI);
      }
      const place = this.#position + i;
      const ramp = Math.min(1, (place + 1) / RAMP, (soundSamples - place) / RAMP);
      const value = Math.round(sum * this.#amplitude * ramp);
      frame[at + i] = value > 32_767 ? 32_767 : value < -32_768 ? -32_768 : value;
    }
  }
}
