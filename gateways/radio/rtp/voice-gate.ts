import { levelDb } from '@tocsin/server/media';

export const VOICE_GATE = {
  /** Louder than the noise by this much is a voice. */
  aboveNoiseDb: 9,
  /** … and never below this level, in dB of full scale. */
  leastDb: -45,
  /** Frames above the threshold that open the gate. */
  opensAfterFrames: 2,
  /** Quiet for so long closes it: pauses between words are shorter. */
  closesAfterMs: 700,
  /** Speech passes this late, so that the frames which opened the gate pass as well. */
  delayFrames: 3,
} as const;

const FRAME_MS = 20;
/** The noise is taken to be at most this loud, so that a voice that never pauses is not taken for it. */
const NOISE_AT_MOST_DB = -20;
/** The noise is the quietest frame of the last five seconds: nobody speaks so long without a pause. Kept by the half second. */
const BLOCKS = 10;
const FRAMES_PER_BLOCK = 25;

/**
 * Voice-operated squelch (VOX) for receivers that do not tell theirs: opens on what is louder than the noise of the
 * channel, which it follows. Pure, a frame of 20 ms a step.
 */
export class VoiceGate {
  isOpen = false;
  readonly #quietest: number[] = [];
  #frames = 0;
  #loudFrames = 0;
  #quietMs = 0;
  readonly #delayed: Int16Array[] = [];

  get noiseDb(): number {
    return Math.min(NOISE_AT_MOST_DB, ...this.#quietest);
  }

  /** Takes the newest frame and gives the one that is due; undefined: silence is due. */
  step(frame: Int16Array): Int16Array | undefined {
    const level = levelDb(frame);
    if (this.#frames++ % FRAMES_PER_BLOCK === 0) this.#quietest.push(level);
    if (this.#quietest.length > BLOCKS) this.#quietest.shift();
    const newest = this.#quietest.length - 1;
    this.#quietest[newest] = Math.min(this.#quietest[newest]!, level);
    const isVoice = level > Math.max(VOICE_GATE.leastDb, this.noiseDb + VOICE_GATE.aboveNoiseDb);
    this.#loudFrames = isVoice ? this.#loudFrames + 1 : 0;
    this.#quietMs = isVoice ? 0 : this.#quietMs + FRAME_MS;
    if (!this.isOpen && this.#loudFrames >= VOICE_GATE.opensAfterFrames) this.isOpen = true;
    else if (this.isOpen && this.#quietMs >= VOICE_GATE.closesAfterMs) this.isOpen = false;
    this.#delayed.push(frame);
    const due = this.#delayed.length > VOICE_GATE.delayFrames ? this.#delayed.shift() : undefined;
    return this.isOpen ? due : undefined;
  }
}
