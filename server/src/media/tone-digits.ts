import { DTMF_DIGITS, HIGH_HZ, LOW_HZ } from './inband-digits.ts';
import { FRAME_SAMPLES } from './jitter-buffer.ts';

/** Each of the two tones, dB below full scale: −8 dBm0 for the pair is what telephones send. */
const TONE_DB = 14;
const AMPLITUDE = 32_767 * 10 ** (-TONE_DB / 20);

interface QueuedTones {
  digits: string;
  frames: number;
  gapFrames: number;
  done: () => void;
}

/** Says digits as pairs of tones (ITU-T Q.23), for far ends that take no telephone-events. */
export class ToneDigits {
  readonly #queue: QueuedTones[] = [];
  #index = 0;
  #frame = 0;

  get isIdle(): boolean {
    return this.#queue.length === 0;
  }

  /**
   * Queues digits; `done` is called once the last has sounded. A hook flash (!) is no tone and passes over.
   * @returns false when a character is no digit, nothing being queued then
   */
  queue(digits: string, durationMs: number, gapMs: number, done: () => void): boolean {
    const wanted = digits.toUpperCase();
    if (![...wanted].every((digit) => digit === '!' || placeOf(digit))) return false;
    const tones = wanted.replaceAll('!', '');
    if (tones === '') done();
    else {
      const frames = Math.max(3, Math.round(durationMs / 20));
      this.#queue.push({ digits: tones, frames, gapFrames: Math.max(2, Math.round(gapMs / 20)), done });
    }
    return true;
  }

  /** Fills the next 20 ms of 8 kHz: tones, or the pause between two digits. Only to be called while not idle. */
  fill(frame: Int16Array): void {
    const current = this.#queue[0]!;
    const place = placeOf(current.digits[this.#index]!)!;
    if (this.#frame < current.frames)
      for (let i = 0; i < FRAME_SAMPLES; i += 1) {
        const turns = (2 * Math.PI * (this.#frame * FRAME_SAMPLES + i)) / 8000;
        frame[i] = Math.round(AMPLITUDE * (Math.sin(turns * place.low) + Math.sin(turns * place.high)));
      }
    else frame.fill(0);
    this.#frame += 1;
    if (this.#frame < current.frames + current.gapFrames) return;
    this.#frame = 0;
    this.#index += 1;
    if (this.#index < current.digits.length) return;
    this.#index = 0;
    this.#queue.shift();
    current.done();
  }

  /** Drops what is still queued; waiting callers are told as if it had been said. */
  clear(): void {
    for (const { done } of this.#queue.splice(0)) done();
    this.#index = this.#frame = 0;
  }
}

function placeOf(digit: string): { low: number; high: number } | undefined {
  const row = DTMF_DIGITS.findIndex((digits) => digits.includes(digit));
  return row < 0 ? undefined : { low: LOW_HZ[row]!, high: HIGH_HZ[DTMF_DIGITS[row]!.indexOf(digit)]! };
}
