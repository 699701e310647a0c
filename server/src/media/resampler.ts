/** Zero crossings of the sinc on either side; the stop band lies below −70 dB. */
const HALF_WIDTH = 24;
/** The pass band ends here, as part of the lower of the two Nyquist frequencies. */
const CUTOFF = 0.94;

/**
 * Changes the sampling rate by windowed-sinc interpolation (Kaiser, β 7.5), one set of coefficients for each phase.
 * Made for whole sounds, not for streams: `process` may be called for consecutive ranges of the same input.
 */
export class Resampler {
  readonly #step: number;
  readonly #phases: number;
  readonly #halfTaps: number;
  readonly #coefficients: Float32Array[];

  /** Rates in hertz, whole numbers. */
  constructor(fromHz: number, toHz: number) {
    const divisor = greatestCommonDivisor(fromHz, toHz);
    this.#phases = toHz / divisor;
    this.#step = fromHz / divisor;
    const scale = Math.min(1, toHz / fromHz);
    this.#halfTaps = Math.ceil(HALF_WIDTH / scale);
    this.#coefficients = Array.from({ length: this.#phases }, (_, phase) => this.#kernel(phase / this.#phases, scale));
  }

  /** How many samples come out of so many. */
  outputLength(inputLength: number): number {
    return Math.floor((inputLength * this.#phases) / this.#step);
  }

  /** Writes output samples `first` … `last − 1` of the whole of `input` to the same places of `output`. */
  process(input: Int16Array, output: Int16Array, first = 0, last = output.length): void {
    const taps = this.#halfTaps * 2;
    for (let n = first; n < last; n += 1) {
      const position = n * this.#step;
      const base = Math.floor(position / this.#phases) - this.#halfTaps + 1;
      const kernel = this.#coefficients[position % this.#phases]!;
      const from = Math.max(0, -base);
      const to = Math.min(taps, input.length - base);
      let sum = 0;
      for (let k = from; k < to; k += 1) sum += kernel[k]! * input[base + k]!;
      output[n] = Math.max(-32_768, Math.min(32_767, Math.round(sum)));
    }
  }

  #kernel(fraction: number, scale: number): Float32Array {
    const taps = this.#halfTaps * 2;
    const kernel = new Float64Array(taps);
    let sum = 0;
    for (let k = 0; k < taps; k += 1) {
      const distance = k - this.#halfTaps + 1 - fraction;
      const x = Math.PI * distance * scale * CUTOFF;
      const window = kaiser(distance / this.#halfTaps);
      kernel[k] = (x === 0 ? 1 : Math.sin(x) / x) * window;
      sum += kernel[k]!;
    }
    return Float32Array.from(kernel, (value) => value / sum);
  }
}

/** A whole sound at another rate (hertz). */
export function resample(samples: Int16Array, fromHz: number, toHz: number): Int16Array {
  if (fromHz === toHz) return samples;
  const resampler = new Resampler(fromHz, toHz);
  const output = new Int16Array(resampler.outputLength(samples.length));
  resampler.process(samples, output);
  return output;
}

function kaiser(at: number): number {
  return Math.abs(at) >= 1 ? 0 : bessel(7.5 * Math.sqrt(1 - at * at)) / bessel(7.5);
}

function bessel(x: number): number {
  let sum = 1;
  for (let k = 1, term = 1; k < 30; k += 1) sum += term *= (x / (2 * k)) ** 2;
  return sum;
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}
