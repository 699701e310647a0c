import { FRAME_SAMPLES } from '../jitter-buffer.ts';

/** Frames of one measure: levels are told 10 times a second at most. */
export const LEVEL_FRAMES = 5;
/** Speaking begins above the first level and ends after `HOLD_MEASURES` below the second. */
const SPEAKING_ABOVE_DB = -42;
const SILENT_BELOW_DB = -48;
const HOLD_MEASURES = 4;
const QUIETEST_DB = -90;

/** The loudness of one voice over 100 ms, and whether that is speech: with hysteresis, so that pauses do not flicker. */
export class LevelMeter {
  #energy = 0;
  #quietMeasures = 0;
  levelDb = QUIETEST_DB;
  isSpeaking = false;
  /** The level last told to listeners. */
  toldDb = QUIETEST_DB;

  add(energy: number): void {
    this.#energy += energy;
  }

  /** Ends a measure of `LEVEL_FRAMES` frames. @returns whether speaking began or ended */
  evaluate(): boolean {
    const mean = this.#energy / (LEVEL_FRAMES * FRAME_SAMPLES * 32_768 ** 2);
    this.#energy = 0;
    this.levelDb = mean <= 1e-9 ? QUIETEST_DB : Math.max(QUIETEST_DB, 10 * Math.log10(mean));
    if (this.levelDb >= SPEAKING_ABOVE_DB) {
      this.#quietMeasures = 0;
      if (this.isSpeaking) return false;
      this.isSpeaking = true;
      return true;
    }
    if (!this.isSpeaking || this.levelDb > SILENT_BELOW_DB) return false;
    this.#quietMeasures += 1;
    if (this.#quietMeasures < HOLD_MEASURES) return false;
    this.isSpeaking = false;
    this.#quietMeasures = 0;
    return true;
  }
}
