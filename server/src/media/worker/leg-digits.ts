import { HalfBandDown } from '../half-band.ts';
import { InbandDigits } from '../inband-digits.ts';
import { FRAME_SAMPLES } from '../jitter-buffer.ts';
import { Mix, type Voice } from '../mixer.ts';
import { TelephoneEventReader, TelephoneEventSender } from '../telephone-event.ts';
import { ToneDigits } from '../tone-digits.ts';

export type HeardBy = 'telephone-event' | 'inband';

/** A leg's digits both ways: as telephone-events where the far end knows them, as tones in the sound where not. */
export class LegDigits {
  readonly events = new TelephoneEventSender();
  readonly #report: (digit: string, durationMs: number, by: HeardBy) => void;
  readonly #reader: TelephoneEventReader;
  readonly #tones = new ToneDigits();
  readonly #toneVoice: Voice = { frame: new Int16Array(FRAME_SAMPLES), isAudible: true };
  readonly #toneMix = new Mix();
  /** Present while digits are looked for in the sound. */
  #inband: InbandDigits | undefined;
  #down: HalfBandDown | undefined;
  #narrow: Int16Array | undefined;

  constructor(report: (digit: string, durationMs: number, by: HeardBy) => void) {
    this.#report = report;
    this.#reader = new TelephoneEventReader((digit, durationMs) => report(digit, durationMs, 'telephone-event'));
  }

  get isIdle(): boolean {
    return this.events.isIdle && this.#tones.isIdle;
  }

  get isListeningInSound(): boolean {
    return this.#inband !== undefined;
  }

  listenInSound(isWanted: boolean): void {
    if (!isWanted) this.#inband = undefined;
    else this.#inband ??= new InbandDigits((digit, durationMs) => this.#report(digit, durationMs, 'inband'));
  }

  /** Takes a telephone-event whose clock is so many times 8 kHz. */
  readEvent(
    packet: Uint8Array,
    start: number,
    end: number,
    timestamp: number,
    clockTimes: number,
    nowMs: number,
  ): void {
    this.#reader.clockTimes = clockTimes;
    this.#reader.read(packet, start, end, timestamp, nowMs);
  }

  checkOverdue(nowMs: number): void {
    this.#reader.checkOverdue(nowMs);
  }

  /** Looks for digits in the next 20 ms; undefined: silence. @returns true while one sounds, and nobody else is to hear it */
  listen(frame: Int16Array | undefined): boolean {
    if (!this.#inband) return false;
    this.#inband.listen(frame && this.#narrowed(frame));
    return this.#inband.isSounding;
  }

  /** @returns false when a character is no digit */
  queue(digits: string, durationMs: number, gapMs: number, asEvents: boolean, done: () => void): boolean {
    return (asEvents ? this.events : this.#tones).queue(digits, durationMs, gapMs, done);
  }

  /** What is heard in this tick instead of the bridge while a digit is said as tones. */
  nextTones(): Mix | undefined {
    if (this.#tones.isIdle) return undefined;
    this.#tones.fill(this.#toneVoice.frame);
    this.#toneMix.sum([this.#toneVoice]);
    return this.#toneMix;
  }

  clear(): void {
    if (!this.events.isIdle) this.events.clear();
    if (!this.#tones.isIdle) this.#tones.clear();
  }

  #narrowed(frame: Int16Array): Int16Array {
    if (frame.length === FRAME_SAMPLES) return frame;
    this.#down ??= new HalfBandDown();
    this.#narrow ??= new Int16Array(FRAME_SAMPLES);
    this.#down.process(frame, this.#narrow);
    return this.#narrow;
  }
}
