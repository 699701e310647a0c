/** Measures of sound, for tests, PA checks and tone detection. */

/**
 * The level of one tone in decibels below full scale (0 dB: a sine of full scale), by Goertzel's algorithm.
 * @param samples at least a few periods of the tone; the resolution is `rateHz / samples.length`
 */
export function toneLevelDb(samples: Int16Array, hz: number, rateHz = 8000): number {
  if (samples.length === 0) return -Infinity;
  const coefficient = 2 * Math.cos((2 * Math.PI * hz) / rateHz);
  let before = 0;
  let last = 0;
  let windowSum = 0;
  for (let i = 0; i < samples.length; i += 1) {
    // A Hann window keeps a strong neighbour from leaking into the measure.
    const window = 0.5 - 0.5 * Math.cos((2 * Math.PI * (i + 0.5)) / samples.length);
    windowSum += window;
    const next = (samples[i]! / 32_768) * window + coefficient * last - before;
    before = last;
    last = next;
  }
  const power = Math.max(0, last * last + before * before - coefficient * last * before);
  return 20 * Math.log10((2 * Math.sqrt(power)) / windowSum + 1e-12);
}

/** Root-mean-square level in decibels below full scale (a full-scale sine is −3 dB). */
export function levelDb(samples: Int16Array): number {
  let energy = 0;
  for (let i = 0; i < samples.length; i += 1) energy += samples[i]! * samples[i]!;
  return samples.length === 0 ? -Infinity : 10 * Math.log10(energy / samples.length / 32_768 ** 2 + 1e-12);
}

/** A sine, or a sum of sines of equal level each. */
export function sine(options: {
  hz: number | number[];
  durationMs: number;
  rateHz?: number;
  levelDb?: number;
}): Int16Array {
  const { durationMs, rateHz = 8000, levelDb: level = -10 } = options;
  const frequencies = [options.hz].flat();
  const amplitude = 32_767 * 10 ** (level / 20);
  return Int16Array.from({ length: Math.round((durationMs * rateHz) / 1000) }, (_, i) => {
    let sum = 0;
    for (const hz of frequencies) sum += Math.sin((2 * Math.PI * hz * i) / rateHz);
    return Math.max(-32_768, Math.min(32_767, Math.round(amplitude * sum)));
  });
}

/**
 * How alike two recordings are, whatever their loudness: the normalised cross-correlation at the best lag, 0 … 1.
 * `lag` says how many samples later `heard` begins to tell what `said` tells.
 * @param longestLag samples by which `heard` may be early or late
 */
export function similarity(
  said: Int16Array,
  heard: Int16Array,
  longestLag = 16_000,
): { similarity: number; lag: number } {
  const size = 2 ** Math.ceil(Math.log2(said.length + heard.length + 1));
  const a = spectrum(said, size);
  const b = spectrum(heard, size);
  for (let i = 0; i < size; i += 1) {
    const real = a.real[i]! * b.real[i]! + a.imaginary[i]! * b.imaginary[i]!;
    const imaginary = a.real[i]! * b.imaginary[i]! - a.imaginary[i]! * b.real[i]!;
    a.real[i] = real;
    a.imaginary[i] = -imaginary; // Conjugated, so that a second forward transform inverts.
  }
  transform(a.real, a.imaginary);
  const saidEnergy = runningEnergy(said);
  const heardEnergy = runningEnergy(heard);
  let best = { similarity: 0, lag: 0 };
  for (let lag = -Math.min(longestLag, said.length - 1); lag <= Math.min(longestLag, heard.length - 1); lag += 1) {
    // Only what overlaps at this lag is compared; too little of it would be alike by chance.
    const from = Math.max(0, lag);
    const to = Math.min(heard.length, said.length + lag);
    if (to - from < Math.min(said.length, heard.length) / 2) continue;
    const energy = (heardEnergy[to]! - heardEnergy[from]!) * (saidEnergy[to - lag]! - saidEnergy[from - lag]!);
    const value = energy <= 0 ? 0 : Math.abs(a.real[(lag + size) % size]! / size) / Math.sqrt(energy);
    if (value > best.similarity) best = { similarity: value, lag };
  }
  return best;
}

function runningEnergy(samples: Int16Array): Float64Array {
  const sums = new Float64Array(samples.length + 1);
  for (let i = 0; i < samples.length; i += 1) sums[i + 1] = sums[i]! + samples[i]! * samples[i]!;
  return sums;
}

function spectrum(samples: Int16Array, size: number) {
  const real = new Float64Array(size);
  const imaginary = new Float64Array(size);
  real.set(samples);
  transform(real, imaginary);
  return { real, imaginary };
}

/** Radix-2 fast Fourier transform, in place. */
function transform(real: Float64Array, imaginary: Float64Array): void {
  const size = real.length;
  for (let i = 1, j = 0; i < size; i += 1) {
    let bit = size >> 1;
    for (; j & bit; bit >>= 1) j ^= bit;
    j ^= bit;
    if (i < j) {
      [real[i], real[j]] = [real[j]!, real[i]!];
      [imaginary[i], imaginary[j]] = [imaginary[j]!, imaginary[i]!];
    }
  }
  for (let length = 2; length <= size; length <<= 1) {
    const half = length >> 1;
    for (let k = 0; k < half; k += 1) {
      const cosine = Math.cos((2 * Math.PI * k) / length);
      const sineOf = -Math.sin((2 * Math.PI * k) / length);
      for (let i = k; i < size; i += length) {
        const re = real[i + half]! * cosine - imaginary[i + half]! * sineOf;
        const im = real[i + half]! * sineOf + imaginary[i + half]! * cosine;
        real[i + half] = real[i]! - re;
        imaginary[i + half] = imaginary[i]! - im;
        real[i]! += re;
        imaginary[i]! += im;
      }
    }
  }
}
