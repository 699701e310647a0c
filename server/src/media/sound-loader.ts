import { readFile, stat } from 'node:fs/promises';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { DispatchError } from '#kernel/errors.ts';
import { Resampler } from './resampler.ts';
import { readWav, toMono } from './wav.ts';

/** Limits of the loader: a larger file is refused with TOO_LARGE; of the cache, the longest unused go first. */
const LIMITS = { fileBytes: 256 * 1024 * 1024, cachedSamples: 16 * 1024 * 1024 } as const;
const ENGINE_HZ = 8000;
/** Output samples made in one go; then others get their turn. */
const SLICE = 8000;

/** Reads sound files and makes them ready to be played at 8 kHz. The same file is read once for many listeners. */
export class SoundLoader {
  readonly #cache = new Map<string, { version: string; samples: Promise<Int16Array> }>();
  #cachedSamples = 0;

  /** Samples in shared memory. @throws DispatchError NOT_FOUND, TOO_LARGE, MEDIA_FORMAT_UNSUPPORTED */
  async load(path: string): Promise<Int16Array> {
    const facts = await stat(path).catch((error: Error) => {
      throw new DispatchError('NOT_FOUND', `sound file ${path}`, { cause: error });
    });
    if (facts.size > LIMITS.fileBytes) throw new DispatchError('TOO_LARGE', `sound file ${path}`);
    const version = `${facts.mtimeMs}/${facts.size}`;
    const known = this.#cache.get(path);
    if (known?.version === version) {
      this.#cache.delete(path); // Put at the end again: the newest used.
      this.#cache.set(path, known);
      return known.samples;
    }
    const samples = this.#read(path);
    this.#cache.set(path, { version, samples });
    samples.then(
      ({ length }) => this.#count(length),
      () => this.#cache.delete(path),
    );
    return samples;
  }

  async #read(path: string): Promise<Int16Array> {
    const reading = readWav(await readFile(path));
    if (reading.kind === 'refused') throw new DispatchError('MEDIA_FORMAT_UNSUPPORTED', `${path}: ${reading.why}`);
    const mono = toMono(reading.sound);
    if (reading.sound.rateHz === ENGINE_HZ) return shared(mono.length, (into) => into.set(mono));
    const resampler = new Resampler(reading.sound.rateHz, ENGINE_HZ);
    const output = shared(resampler.outputLength(mono.length));
    for (let from = 0; from < output.length; from += SLICE) {
      resampler.process(mono, output, from, Math.min(from + SLICE, output.length));
      await nextTurn();
    }
    return output;
  }

  async #count(samples: number): Promise<void> {
    this.#cachedSamples += samples;
    for (const [path, entry] of this.#cache) {
      if (this.#cachedSamples <= LIMITS.cachedSamples) return;
      this.#cache.delete(path);
      this.#cachedSamples -= (await entry.samples.catch(() => new Int16Array(0))).length;
    }
  }
}

function shared(length: number, fill?: (into: Int16Array) => void): Int16Array {
  const samples = new Int16Array(new SharedArrayBuffer(length * 2));
  fill?.(samples);
  return samples;
}
