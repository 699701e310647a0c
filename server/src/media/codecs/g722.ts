/**
 * G.722 at 64 kbit/s: sound of 16 kHz in two sub-bands of 8 kHz, each an adaptive differential code, 6 bits for the lower
 * and 2 for the upper. Words in capitals are the blocks of ITU-T G.722 (2012) §6; values agree with it to the bit.
 */

/** G.722 table 11: the coefficients of the 24-tap quadrature mirror filter; the other half mirrors them. */
const QMF = [3, -11, -11, 53, 12, -156, 32, 362, -210, -805, 951, 3876];
const TAPS = Int32Array.of(...QMF, ...QMF.toReversed());
/** Table 5: the decision levels of the 6-bit quantizer, for a scale factor of 1024. */
const DECISIONS = Int32Array.of(
  ...[35, 72, 110, 150, 190, 233, 276, 323, 370, 422, 473, 530, 587, 650, 714, 786, 858, 940, 1023, 1121, 1219, 1339],
  ...[1458, 1612, 1765, 1980, 2195, 2557, 2919],
);
/** Table 7: output values of the inverse quantizers, by code word. */
const LOW_6 = Int32Array.of(
  ...[-17, -17, -17, -17, -3101, -2738, -2376, -2088, -1873, -1689, -1535, -1399, -1279, -1170, -1072, -982],
  ...[-899, -822, -750, -682, -618, -558, -501, -447, -396, -347, -300, -254, -211, -170, -130, -91],
  ...[3101, 2738, 2376, 2088, 1873, 1689, 1535, 1399, 1279, 1170, 1072, 982, 899, 822, 750, 682],
  ...[618, 558, 501, 447, 396, 347, 300, 254, 211, 170, 130, 91, 54, 17, -54, -17],
);
const LOW_4 = Int32Array.of(0, -2557, -1612, -1121, -786, -530, -323, -150, 2557, 1612, 1121, 786, 530, 323, 150, 0);
const HIGH_2 = Int32Array.of(-926, -202, 926, 202);
/** Tables 8 and 9: what a code word adds to the logarithm of the scale factor. */
const LOW_STEPS = Int32Array.of(...[-60, 3042, 1198, 538, 334, 172, 58, -30, 3042, 1198, 538, 334, 172, 58, -30, -60]);
const HIGH_STEPS = Int32Array.of(798, -214, 798, -214);
/** Table 10: 2048 × 2^(n/32). */
const POWERS = Int32Array.of(
  ...[2048, 2093, 2139, 2186, 2233, 2282, 2332, 2383, 2435, 2489, 2543, 2599, 2656, 2714, 2774, 2834],
  ...[2896, 2960, 3025, 3091, 3158, 3228, 3298, 3371, 3444, 3520, 3597, 3676, 3756, 3838, 3922, 4008],
);

/** What one sub-band remembers: the adaptive predictor of two poles and six zeros, and the quantizer's scale. */
class SubBand {
  /** The prediction (S in the Recommendation) and its part by the zeros (SZ). */
  prediction = 0;
  scale: number;
  #zeroPart = 0;
  #logScale = 0;
  #pole1 = 0;
  #pole2 = 0;
  /** The last reconstructed signal, doubled, and the last two signs of the partly reconstructed one. */
  #signal1 = 0;
  #sign1 = 0;
  #sign2 = 0;
  readonly #zeros = new Int32Array(6);
  /** The last six differences, doubled. */
  readonly #differences = new Int32Array(6);
  readonly #firstScale: number;
  readonly #steps: Int32Array;
  readonly #highestLog: number;
  readonly #shiftBase: number;

  constructor(options: { firstScale: number; steps: Int32Array; highestLog: number; shiftBase: number }) {
    this.#firstScale = this.scale = options.firstScale;
    this.#steps = options.steps;
    this.#highestLog = options.highestLog;
    this.#shiftBase = options.shiftBase;
  }

  reset(): void {
    this.prediction = this.#zeroPart = this.#logScale = this.#pole1 = this.#pole2 = 0;
    this.#signal1 = this.#sign1 = this.#sign2 = 0;
    this.#zeros.fill(0);
    this.#differences.fill(0);
    this.scale = this.#firstScale;
  }

  copyFrom(other: SubBand): void {
    this.prediction = other.prediction;
    this.scale = other.scale;
    this.#zeroPart = other.#zeroPart;
    this.#logScale = other.#logScale;
    this.#pole1 = other.#pole1;
    this.#pole2 = other.#pole2;
    this.#signal1 = other.#signal1;
    this.#sign1 = other.#sign1;
    this.#sign2 = other.#sign2;
    this.#zeros.set(other.#zeros);
    this.#differences.set(other.#differences);
  }

  /** Goes on by one quantized difference, whose code word was `code` (LOGSCL and SCALEL, or LOGSCH and SCALEH). */
  adapt(difference: number, code: number): void {
    this.#predict(difference);
    const log = ((this.#logScale * 127) >> 7) + this.#steps[code]!;
    this.#logScale = log < 0 ? 0 : log > this.#highestLog ? this.#highestLog : log;
    const power = POWERS[(this.#logScale >> 6) & 31]!;
    const shift = (this.#logScale >> 11) - this.#shiftBase;
    this.scale = shift < 0 ? power >> -shift : power << shift;
  }

  #predict(difference: number): void {
    // PARREC and UPPOL2, UPPOL1.
    const sign = (this.#zeroPart + difference) >> 31;
    const isLike1 = sign === this.#sign1;
    const leaning = this.#pole1 > 8191 ? 8191 : this.#pole1 < -8192 ? -8192 : this.#pole1;
    let pole2 = ((isLike1 ? clip16(-leaning * 4) : leaning * 4) >> 7) + (sign === this.#sign2 ? 128 : -128);
    pole2 += (this.#pole2 * 127) >> 7;
    this.#pole2 = pole2 = pole2 > 12_288 ? 12_288 : pole2 < -12_288 ? -12_288 : pole2;
    const limit = 15_360 - pole2;
    const pole1 = (isLike1 ? 192 : -192) + ((this.#pole1 * 255) >> 8);
    this.#pole1 = pole1 > limit ? limit : pole1 < -limit ? -limit : pole1;
    this.#sign2 = this.#sign1;
    this.#sign1 = sign;

    // UPZERO, DELAYA and FILTEZ in one go, the oldest first.
    const zeros = this.#zeros;
    const differences = this.#differences;
    const doubled = clip16(difference * 2);
    const step = difference === 0 ? 0 : 128;
    let zeroPart = 0;
    for (let i = 5; i >= 0; i -= 1) {
      const zero = ((zeros[i]! * 255) >> 8) + ((differences[i]! ^ difference) < 0 ? -step : step);
      zeros[i] = zero;
      const newer = i === 0 ? doubled : differences[i - 1]!;
      differences[i] = newer;
      zeroPart += (newer * zero) >> 15;
    }
    this.#zeroPart = clip16(zeroPart);

    // RECONS, FILTEP and PREDIC.
    const signal = clip16(clip16(this.prediction + difference) * 2);
    const polePart = ((this.#pole1 * signal) >> 15) + ((pole2 * this.#signal1) >> 15);
    this.#signal1 = signal;
    this.prediction = clip16(clip16(polePart) + this.#zeroPart);
  }
}

const lowBand = () => new SubBand({ firstScale: 32 >> 2, steps: LOW_STEPS, highestLog: 18_432, shiftBase: 8 });
const highBand = () => new SubBand({ firstScale: 8 >> 2, steps: HIGH_STEPS, highestLog: 22_528, shiftBase: 10 });

/** The two bands and the filter's memory, alike at both ends. */
class G722State {
  protected readonly low = lowBand();
  protected readonly high = highBand();
  /** The filter's last 24 values, written twice so that it can be read without wrapping. */
  protected readonly delays = new Int32Array(48);
  protected at = 0;

  reset(): void {
    this.low.reset();
    this.high.reset();
    this.delays.fill(0);
    this.at = 0;
  }

  protected copyState(other: G722State): void {
    this.low.copyFrom(other.low);
    this.high.copyFrom(other.high);
    this.delays.set(other.delays);
    this.at = other.at;
  }
}

/** Turns sound of 16 kHz into G.722. One stream has one encoder. */
export class G722Encoder extends G722State {
  /** Makes this encoder go on where another one is: their codes are then alike for like sound. */
  copyFrom(other: object): void {
    if (other instanceof G722Encoder) this.copyState(other);
  }

  /** Encodes an even number of samples to `into` from `at` on. @returns bytes written */
  encode(samples: Int16Array, into: Uint8Array, at = 0): number {
    const { low, high, delays } = this;
    const bytes = samples.length >> 1;
    for (let n = 0; n < bytes; n += 1) {
      // Transmit QMF (§3.1): x_L and x_H.
      let place = this.at;
      delays[place] = delays[place + 24] = samples[2 * n]!;
      delays[place + 1] = delays[place + 25] = samples[2 * n + 1]!;
      this.at = place = place === 22 ? 0 : place + 2;
      let even = 0;
      let odd = 0;
      for (let i = 0; i < 12; i += 1) {
        even += delays[place + 2 * i]! * TAPS[2 * i]!;
        odd += delays[place + 2 * i + 1]! * TAPS[2 * i + 1]!;
      }
      // Not limited to 15 bits, which only a full-scale square wave would feel: ffmpeg, the oracle here, does not either.
      const lowSound = (even + odd) >> 14;
      const highSound = (odd - even) >> 14;

      const lowCode = quantizeLow(clip16(lowSound - low.prediction), low.scale);
      const highCode = quantizeHigh(clip16(highSound - high.prediction), high.scale);
      low.adapt((low.scale * LOW_4[lowCode >> 2]!) >> 10, lowCode >> 2);
      high.adapt((high.scale * HIGH_2[highCode]!) >> 10, highCode);
      into[at + n] = (highCode << 6) | lowCode;
    }
    return bytes;
  }
}

/** Turns G.722 into sound of 16 kHz. One stream has one decoder; bytes come in their order. */
export class G722Decoder extends G722State {
  /** Decodes `packet[start, end)` to the beginning of `into`. @returns samples written */
  decode(packet: Uint8Array, start: number, end: number, into: Int16Array): number {
    const { low, high, delays } = this;
    let written = 0;
    for (let n = start; n < end; n += 1) {
      const byte = packet[n]!;
      const lowCode = byte & 0x3f;
      const highCode = byte >> 6;
      const lowSound = clip15(((low.scale * LOW_6[lowCode]!) >> 10) + low.prediction);
      low.adapt((low.scale * LOW_4[lowCode >> 2]!) >> 10, lowCode >> 2);
      const difference = (high.scale * HIGH_2[highCode]!) >> 10;
      const highSound = clip15(difference + high.prediction);
      high.adapt(difference, highCode);

      // Receive QMF (§4.4).
      let place = this.at;
      delays[place] = delays[place + 24] = lowSound + highSound;
      delays[place + 1] = delays[place + 25] = lowSound - highSound;
      this.at = place = place === 22 ? 0 : place + 2;
      let even = 0;
      let odd = 0;
      for (let i = 0; i < 12; i += 1) {
        even += delays[place + 2 * i]! * TAPS[2 * i]!;
        odd += delays[place + 2 * i + 1]! * TAPS[2 * i + 1]!;
      }
      into[written] = clip16(odd >> 11);
      into[written + 1] = clip16(even >> 11);
      written += 2;
    }
    return written;
  }
}

/** QUANTL: the 6-bit code word of a difference. */
function quantizeLow(difference: number, scale: number): number {
  const size = ((difference ^ (difference >> 31)) + 1) << 10;
  let interval = 0;
  while (interval < 29 && size > DECISIONS[interval]! * scale) interval += 1;
  if (difference >= 0) return 61 - interval;
  return interval < 2 ? 63 - interval : 33 - interval;
}

/** QUANTH: the 2-bit code word of a difference. */
function quantizeHigh(difference: number, scale: number): number {
  const isInner = (difference ^ (difference >> 31)) < (141 * scale) >> 8;
  return (isInner ? 1 : 0) + (difference >= 0 ? 2 : 0);
}

const clip16 = (value: number): number => (value > 32_767 ? 32_767 : value < -32_768 ? -32_768 : value);
const clip15 = (value: number): number => (value > 16_383 ? 16_383 : value < -16_384 ? -16_384 : value);
