/** Samples at 8 kHz over which made-up sound goes over into real sound again (5 ms); all figures here are of 8 kHz. */
const CROSSFADE = 40;
const HISTORY = 320;
const FRAME = 160;
/** Made-up sound stays at full strength so long (10 ms), and has faded away at the second figure (60 ms). */
const FULL_FOR = 80;
const GONE_AT = 480;
const SHORTEST_LAG = 32;
const LONGEST_LAG = 160;
const COMPARED = 80;

/**
 * Stands in for sound that did not come: the last pitch period is repeated and fades. Going back to real sound is
 * cross-faded, so that neither end clicks. In the manner of G.711 appendix I, with a plain repeat.
 */
export class Concealment {
  readonly #times: number;
  readonly #history: Int16Array;
  readonly #crossfade: number;
  readonly #fullFor: number;
  readonly #goneAt: number;
  #isSilent = true;
  #lag = 0;
  #made = 0;
  #blendLeft = 0;
  isRunning = false;

  /** For frames of 8 kHz, or twice (`times`) that. */
  constructor(times = 1) {
    this.#times = times;
    this.#history = new Int16Array(HISTORY * times);
    this.#crossfade = CROSSFADE * times;
    this.#fullFor = FULL_FOR * times;
    this.#goneAt = GONE_AT * times;
  }

  /** Nothing more will come out but zeros. */
  get isOver(): boolean {
    return !this.isRunning || this.#made >= this.#goneAt || this.#isSilent;
  }

  /** Remembers a frame that was played from real sound. */
  heard(frame: Int16Array): void {
    this.#history.copyWithin(0, frame.length);
    this.#history.set(frame, this.#history.length - frame.length);
  }

  /** Starts making sound up from what was heard last. */
  begin(): void {
    this.isRunning = true;
    this.#made = 0;
    this.#blendLeft = this.#crossfade;
    this.#findPitch();
  }

  /** The next made-up sample. */
  next(): number {
    if (!this.isRunning) this.begin();
    this.#blendLeft = this.#crossfade;
    return this.#make();
  }

  /** A real sample, blended with the made-up sound for the first 5 ms after a hole. */
  blend(sample: number): number {
    if (!this.isRunning) return sample;
    this.#blendLeft -= 1;
    const blended = sample + ((this.#make() - sample) * this.#blendLeft) / this.#crossfade;
    if (this.#blendLeft <= 0) this.isRunning = false;
    return Math.round(blended);
  }

  /** The stream is at its end: lets what is left fade away. False when the frame is silent. */
  finish(frame: Int16Array): boolean {
    if (this.isOver) {
      frame.fill(0);
      this.isRunning = false;
      if (!this.#isSilent) {
        this.#isSilent = true;
        this.#history.fill(0);
      }
      return false;
    }
    for (let i = 0; i < frame.length; i += 1) frame[i] = this.#make();
    return true;
  }

  #make(): number {
    const made = this.#made;
    if (made >= this.#goneAt || this.#isSilent) return 0;
    this.#made += 1;
    const sample = this.#history[this.#history.length - this.#lag + (made % this.#lag)]!;
    return made < this.#fullFor
      ? sample
      : Math.round((sample * (this.#goneAt - made)) / (this.#goneAt - this.#fullFor));
  }

  #findPitch(): void {
    const history = this.#history;
    const times = this.#times;
    const end = history.length;
    let peak = 0;
    for (let i = end - FRAME * times; i < end; i += 1) peak = Math.max(peak, Math.abs(history[i]!));
    this.#isSilent = peak < 16;
    if (this.#isSilent) return;
    let bestScore = -Infinity;
    for (let lag = SHORTEST_LAG * times; lag <= LONGEST_LAG * times; lag += 1) {
      let product = 0;
      let energy = 1;
      for (let i = end - COMPARED * times; i < end; i += 1) {
        product += history[i]! * history[i - lag]!;
        energy += history[i - lag]! * history[i - lag]!;
      }
      const score = product / Math.sqrt(energy);
      if (score > bestScore * 1.0001) {
        bestScore = score;
        this.#lag = lag;
      }
    }
  }
}
