/** Digits as RTP telephone-events (RFC 4733), both ways. Durations are in units of the RTP clock: 8 kHz, or a multiple (`clockTimes`). */

const DIGITS = '0123456789*#ABCD!';
const UNITS_PER_MS = 8;
const FRAME_UNITS = 160;
/** The longest duration one segment can tell; a longer event goes on in a new segment (RFC 4733 §2.5.1.3). */
const LONGEST_SEGMENT = 0xffff;
/** An event whose end packets were all lost counts as ended when nothing of it came for so long. */
const ENDS_LOST_AFTER_MS = 200;

export interface HeardDigit {
  digit: string;
  durationMs: number;
}

/** Puts the packets of events together: every digit is reported exactly once. */
export class TelephoneEventReader {
  readonly #report: (digit: string, durationMs: number) => void;
  #event = -1;
  #timestamp = 0;
  #duration = 0;
  #earlierSegments = 0;
  #lastPacketAtMs = 0;
  #isOpen = false;
  #hasHeardAny = false;
  clockTimes = 1;

  constructor(report: (digit: string, durationMs: number) => void) {
    this.#report = report;
  }

  /** Takes the payload at `packet[start, end)`. All packets of one event (or segment) share their timestamp. */
  read(packet: Uint8Array, start: number, end: number, timestamp: number, nowMs: number): void {
    if (end - start < 4) return;
    const event = packet[start]!;
    const isEnd = (packet[start + 1]! & 0x80) !== 0;
    const duration = (packet[start + 2]! << 8) | packet[start + 3]!;
    if (event >= DIGITS.length) return;

    if (!this.#hasHeardAny || timestamp !== this.#timestamp) {
      const age = (timestamp - this.#timestamp) | 0;
      if (this.#hasHeardAny && age < 0 && age > -80_000 * this.clockTimes) return; // A straggler of an event already told.
      const isNextSegment =
        this.#isOpen && event === this.#event && age > 0 && age === LONGEST_SEGMENT && this.#duration > 0;
      if (isNextSegment) this.#earlierSegments += LONGEST_SEGMENT;
      else {
        if (this.#isOpen) this.#close();
        this.#earlierSegments = 0;
      }
      this.#hasHeardAny = true;
      this.#isOpen = true;
      this.#event = event;
      this.#timestamp = timestamp;
      this.#duration = 0;
    } else if (!this.#isOpen) return; // The second and third end packet.

    this.#duration = Math.max(this.#duration, duration);
    this.#lastPacketAtMs = nowMs;
    if (isEnd) this.#close();
  }

  /** To be called now and then: tells of a digit whose end packets were lost. */
  checkOverdue(nowMs: number): void {
    if (this.#isOpen && nowMs - this.#lastPacketAtMs > ENDS_LOST_AFTER_MS) this.#close();
  }

  #close() {
    this.#isOpen = false;
    this.#report(DIGITS[this.#event]!, (this.#earlierSegments + this.#duration) / (UNITS_PER_MS * this.clockTimes));
  }
}

/** What the sender wants in this 20 ms frame. */
export type EventFrame = 'none' | 'event' | 'gap';

interface QueuedDigits {
  events: number[];
  durationUnits: number;
  gapFrames: number;
  done: () => void;
}

/** Times the packets of digits to be sent: one a frame, the last three with the end bit (RFC 4733 §2.5.1.4). */
export class TelephoneEventSender {
  readonly #queue: QueuedDigits[] = [];
  #index = 0;
  #elapsed = 0;
  #endsSent = 0;
  #gapLeft = 0;
  #startTimestamp = 0;
  #segmentStart = 0;

  /** The four payload bytes and header facts of the packet to send, valid when `frame()` said 'event'. */
  readonly payload = new Uint8Array(4);
  hasMarker = false;
  timestamp = 0;
  clockTimes = 1;

  get isIdle(): boolean {
    return this.#queue.length === 0;
  }

  /**
   * Queues digits. `done` is called once the last has been sent.
   * @returns false when a character is no digit (0-9, *, #, A-D), nothing being queued then
   */
  queue(digits: string, durationMs: number, gapMs: number, done: () => void): boolean {
    const events = [...digits.toUpperCase()].map((digit) => DIGITS.indexOf(digit));
    if (events.some((event) => event < 0)) return false;
    if (events.length === 0) done();
    else
      this.#queue.push({
        events,
        durationUnits: Math.max(1, Math.round(durationMs / 20)) * FRAME_UNITS * this.clockTimes,
        gapFrames: Math.max(1, Math.round(gapMs / 20)),
        done,
      });
    return true;
  }

  /** Moves on by one frame whose audio would have had this timestamp. In a gap audio is sent as usual. */
  frame(timestamp: number): EventFrame {
    const current = this.#queue[0];
    if (!current) return 'none';
    if (this.#gapLeft > 0) {
      this.#gapLeft -= 1;
      if (this.#gapLeft > 0) return 'gap';
      if (this.#index >= current.events.length) {
        this.#queue.shift();
        this.#index = 0;
        current.done();
        return 'gap';
      }
    }
    this.hasMarker = this.#elapsed === 0;
    if (this.hasMarker) {
      this.#startTimestamp = timestamp;
      this.#segmentStart = 0;
    }
    if (this.#endsSent === 0)
      this.#elapsed = Math.min(this.#elapsed + FRAME_UNITS * this.clockTimes, current.durationUnits);
    if (this.#elapsed - this.#segmentStart > LONGEST_SEGMENT) this.#segmentStart += LONGEST_SEGMENT;
    const isEnd = this.#elapsed >= current.durationUnits;
    const duration = this.#elapsed - this.#segmentStart;
    this.timestamp = (this.#startTimestamp + this.#segmentStart) >>> 0;
    this.payload[0] = current.events[this.#index]!;
    this.payload[1] = (isEnd ? 0x80 : 0) | 10; // −10 dBm0
    this.payload[2] = duration >> 8;
    this.payload[3] = duration;
    if (isEnd) {
      this.#endsSent += 1;
      if (this.#endsSent === 3) {
        this.#endsSent = 0;
        this.#elapsed = 0;
        this.#index += 1;
        this.#gapLeft = current.gapFrames;
      }
    }
    return 'event';
  }

  /** Drops what is still queued; waiting callers are told as if it had been sent. */
  clear(): void {
    for (const { done } of this.#queue.splice(0)) done();
    this.#index = this.#elapsed = this.#endsSent = this.#gapLeft = 0;
  }
}
