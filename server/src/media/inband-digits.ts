import { FRAME_SAMPLES } from './jitter-buffer.ts';

/** Digits as pairs of tones in the sound (ITU-T Q.23), for lines without telephone-events. Limits are those of Q.24. */

export const LOW_HZ = [697, 770, 852, 941];
export const HIGH_HZ = [1209, 1336, 1477, 1633];
export const DTMF_DIGITS = ['123A', '456B', '789C', '*0#D'];
const TONES = [...LOW_HZ, ...HIGH_HZ];
const coefficientOf = (hz: number) => 2 * Math.cos((2 * Math.PI * hz) / 8000);
const COEFFICIENTS = Float64Array.from(TONES, coefficientOf);
/** Each tone is at least so loud (−36 dBFS), as amplitude. */
const LEAST_AMPLITUDE = 32_768 * 10 ** (-36 / 20);
/** The high tone may be 4 dB louder than the low one, or 8 dB quieter; powers. */
const TWIST = { most: 10 ** 0.4, least: 10 ** -0.8 } as const;
/** A tone stands out of its group by 6 dB, and the pair makes up so much of all sound: speech does not. */
const DOMINANCE = 4;
const SHARE_OF_ALL = 0.85;
/** A tone may be 1.5 % off: its share is measured here beside its place, too. */
const BESIDE = [0.987, 1.013] as const;
/** Half a frame: how far one look at the sound is from the next. Looks are a frame long, and so overlap by half. */
const STEP_SAMPLES = FRAME_SAMPLES / 2;
const STEP_MS = 10;
/**
 * Looks that must agree before a digit counts (40 ms of it), and looks without it before it has ended. Alarm diallers send
 * digits of 50 ms with pauses of 50 ms, which begin anywhere in a frame (SIA DC-05).
 */
const LOOKS_TO_BEGIN = 3;
const LOOKS_TO_END = 4;

/** Finds digits in consecutive frames of 8 kHz; each is told once, when it ends. */
export class InbandDigits {
  readonly #report: (digit: string, durationMs: number) => void;
  readonly #powers = new Float64Array(8);
  #candidate: string | undefined;
  #looks = 0;
  #missed = 0;
  /** The second half of the last frame, and then the first of the next. */
  readonly #across = new Int16Array(FRAME_SAMPLES);

  constructor(report: (digit: string, durationMs: number) => void) {
    this.#report = report;
  }

  /** A digit sounds now: what others hear is to be cleaned of it. */
  get isSounding(): boolean {
    return this.#candidate !== undefined && this.#looks >= LOOKS_TO_BEGIN;
  }

  /** The next 20 ms; undefined when they are silent. */
  listen(frame: Int16Array | undefined): void {
    this.#across.copyWithin(0, STEP_SAMPLES);
    if (frame) this.#across.set(frame.subarray(0, STEP_SAMPLES), STEP_SAMPLES);
    else this.#across.fill(0, STEP_SAMPLES);
    this.#look(this.#digitIn(this.#across));
    this.#look(frame && this.#digitIn(frame));
    if (frame) this.#across.set(frame.subarray(STEP_SAMPLES), STEP_SAMPLES);
  }

  #look(digit: string | undefined): void {
    if (digit !== undefined && digit === this.#candidate) {
      this.#looks += 1;
      this.#missed = 0;
      return;
    }
    if (this.#candidate === undefined) {
      this.#begin(digit);
      return;
    }
    this.#missed += 1;
    if (this.#missed < LOOKS_TO_END && this.#looks >= LOOKS_TO_BEGIN) return;
    if (this.#looks >= LOOKS_TO_BEGIN) this.#report(this.#candidate, (this.#looks + 1) * STEP_MS);
    this.#begin(digit);
  }

  #begin(digit: string | undefined): void {
    this.#candidate = digit;
    this.#looks = digit === undefined ? 0 : 1;
    this.#missed = 0;
  }

  #digitIn(frame: Int16Array): string | undefined {
    const powers = this.#powers;
    let energy = 0;
    for (let i = 0; i < FRAME_SAMPLES; i += 1) energy += frame[i]! * frame[i]!;
    if (energy < LEAST_AMPLITUDE ** 2 * FRAME_SAMPLES) return undefined;
    for (let tone = 0; tone < 8; tone += 1) powers[tone] = goertzel(frame, COEFFICIENTS[tone]!);
    const low = loudest(powers, 0);
    const high = loudest(powers, 4);
    const [lowPower, highPower] = [powers[low]!, powers[high]!];
    // A sine of amplitude a has |X|² = (a·N/2)² in its bin and a²·N/2 of energy.
    const least = (LEAST_AMPLITUDE * FRAME_SAMPLES) ** 2 / 4;
    if (lowPower < least || highPower < least) return undefined;
    if (highPower > lowPower * TWIST.most || highPower < lowPower * TWIST.least) return undefined;
    for (let tone = 0; tone < 8; tone += 1)
      if (tone !== low && tone !== high && powers[tone]! * DOMINANCE > (tone < 4 ? lowPower : highPower))
        return undefined;
    const pair = strongest(frame, low, lowPower) + strongest(frame, high, highPower);
    if ((pair * 2) / FRAME_SAMPLES < SHARE_OF_ALL * energy) return undefined;
    return DTMF_DIGITS[low]![high - 4];
  }
}

function goertzel(frame: Int16Array, coefficient: number): number {
  let before = 0;
  let last = 0;
  for (let i = 0; i < FRAME_SAMPLES; i += 1) {
    const next = frame[i]! + coefficient * last - before;
    before = last;
    last = next;
  }
  return last * last + before * before - coefficient * last * before;
}

/** The power of a tone where it really is. */
function strongest(frame: Int16Array, tone: number, power: number): number {
  return Math.max(power, ...BESIDE.map((factor) => goertzel(frame, coefficientOf(TONES[tone]! * factor))));
}

function loudest(powers: Float64Array, from: number): number {
  let best = from;
  for (let tone = from + 1; tone < from + 4; tone += 1) if (powers[tone]! > powers[best]!) best = tone;
  return best;
}
