import { FRAME_SAMPLES, WIDE_FRAME_SAMPLES } from './jitter-buffer.ts';

/**
 * From 8 to 16 kHz and back, frame by frame: a linear-phase half-band filter of 95 taps (windowed sinc, Kaiser β 7). Even
 * to 3.6 kHz within 0.1 dB, 60 dB down from 4.4 kHz on; it delays by 47 samples of 16 kHz (2.9 ms).
 */
const CENTRE = 47;
const SIDE_TAPS = 48;
/** Every second tap of a half-band filter is nothing but in the middle, where it is a half; these are the others. */
const TAPS = Float64Array.from({ length: SIDE_TAPS }, (_, i) => {
  const distance = 2 * i - CENTRE;
  const x = (Math.PI * distance) / 2;
  return (Math.sin(x) / x / 2) * kaiser(distance / (CENTRE + 1));
});
// The side taps too add up to a half, so that a constant comes out as it went in.
const SIDE_SUM = TAPS.reduce((sum, tap) => sum + tap, 0);
for (let i = 0; i < SIDE_TAPS; i += 1) TAPS[i]! *= 0.5 / SIDE_SUM;

type Samples = Int16Array | Int32Array;

/** Makes 160 samples of 8 kHz from 320 of 16 kHz. */
export class HalfBandDown {
  readonly #line = new Float64Array(2 * CENTRE + WIDE_FRAME_SAMPLES);

  /** `input` absent: silence. */
  process(input: Samples | undefined, output: Samples): void {
    const line = this.#line;
    line.copyWithin(0, WIDE_FRAME_SAMPLES);
    if (input) line.set(input, 2 * CENTRE);
    else line.fill(0, 2 * CENTRE);
    for (let n = 0; n < FRAME_SAMPLES; n += 1) {
      const at = 2 * n;
      let sum = line[at + CENTRE]! * 0.5;
      for (let i = 0; i < SIDE_TAPS / 2; i += 1)
        sum += TAPS[i]! * (line[at + 2 * i]! + line[at + 2 * (SIDE_TAPS - 1 - i)]!);
      output[n] = Math.round(sum);
    }
  }

  /** Takes over what another remembers. */
  copyFrom(other: HalfBandDown): void {
    this.#line.set(other.#line);
  }
}

/** Makes 320 samples of 16 kHz from 160 of 8 kHz. */
export class HalfBandUp {
  readonly #line = new Float64Array(SIDE_TAPS - 1 + FRAME_SAMPLES);

  /** `input` absent: silence. */
  process(input: Samples | undefined, output: Samples): void {
    const line = this.#line;
    line.copyWithin(0, FRAME_SAMPLES);
    if (input) line.set(input.length > FRAME_SAMPLES ? input.subarray(0, FRAME_SAMPLES) : input, SIDE_TAPS - 1);
    else line.fill(0, SIDE_TAPS - 1);
    for (let n = 0; n < FRAME_SAMPLES; n += 1) {
      let sum = 0;
      for (let i = 0; i < SIDE_TAPS / 2; i += 1) sum += TAPS[i]! * (line[n + i]! + line[n + SIDE_TAPS - 1 - i]!);
      output[2 * n] = Math.round(2 * sum);
      output[2 * n + 1] = line[n + SIDE_TAPS / 2]!;
    }
  }

  copyFrom(other: HalfBandUp): void {
    this.#line.set(other.#line);
  }
}

function kaiser(at: number): number {
  return bessel(7 * Math.sqrt(Math.max(0, 1 - at * at))) / bessel(7);
}

function bessel(x: number): number {
  let sum = 1;
  for (let k = 1, term = 1; k < 30; k += 1) sum += term *= (x / (2 * k)) ** 2;
  return sum;
}
