import { decodeG711, levelDb } from '@tocsin/server/media';

export const TRANSMIT_LIMITS = {
  /** Speech that came before the key command is kept so long and goes on air first: RTP is faster than a command. */
  lookBackMs: 300,
  /** After unkeying, what still comes is transmitted for so long, unless the server knows its channel better. */
  tailMs: 200,
  /** Speech that waits for the air, beside what waits for the carrier; more is cut off at the old end. */
  queueMs: 1000,
  /** When more than this waits, pauses between words are shortened until the delay is gone. */
  backlogMs: 60,
  /** A transmitter whose call has brought nothing for so long is unkeyed: better off the air than stuck on it. */
  starvedMs: 2000,
} as const;

/** How a transmission begins and ends; absent: no rise, the usual tail. */
export interface Keying {
  /** From the key to a carrier that carries speech. */
  keyUpMs?: number;
  tailMs?: number;
}

/** Below this level a frame of the look-back is silence and need not be transmitted. */
const SILENCE_DB = -50;
const FRAME_MS = 20;

export type TransmitterStep =
  | { kind: 'idle' }
  /** To go on air now; `frame` undefined = nothing came in time, keep the carrier. */
  | { kind: 'on-air'; frame: Uint8Array | undefined }
  /** The last frame was sent: carrier off. `why` the transmission ended. */
  | { kind: 'ended'; why: 'unkeyed' | 'time-limit' | 'starved' };

/**
 * What goes on air and when: pure, a frame of 20 ms a step. Nothing of the first and last syllable is cut: frames that
 * arrived before the key command are sent first, frames that arrive after the unkey command are sent last, and while
 * the carrier rises they wait.
 */
export class Transmitter {
  readonly #keyedAtMostMs: number;
  #lookBack: Uint8Array[] = [];
  #queue: Uint8Array[] = [];
  #state: 'idle' | 'keyed' | 'tail' = 'idle';
  #keyedMs = 0;
  #keying: Required<Keying> = { keyUpMs: 0, tailMs: TRANSMIT_LIMITS.tailMs };
  #risingMs = 0;
  #tailLeftMs = 0;
  #starvedMs = 0;
  #dropped = 0;

  constructor(options: { keyedAtMostMs: number }) {
    this.#keyedAtMostMs = options.keyedAtMostMs;
  }

  get isKeyed() {
    return this.#state !== 'idle';
  }

  get dropped() {
    return this.#dropped;
  }

  /** A frame of A-law from the server. */
  hear(alaw: Uint8Array): void {
    const frame = alaw.slice();
    this.#starvedMs = 0;
    if (this.#state === 'idle') {
      this.#lookBack.push(frame);
      if (this.#lookBack.length * FRAME_MS > TRANSMIT_LIMITS.lookBackMs) this.#lookBack.shift();
      return;
    }
    // Behind the tail, what comes is no longer part of what was said.
    if (this.#state === 'tail' && this.#tailLeftMs <= 0) return;
    this.#queue.push(frame);
    if (this.#queue.length * FRAME_MS > TRANSMIT_LIMITS.queueMs + this.#keying.keyUpMs) {
      this.#queue.shift();
      this.#dropped += 1;
    }
  }

  /** Goes on air, or goes on with the next talker. */
  key({ keyUpMs = 0, tailMs = TRANSMIT_LIMITS.tailMs }: Keying = {}): void {
    this.#keying = { keyUpMs, tailMs };
    if (this.#state === 'idle') {
      this.#risingMs = keyUpMs;
      const firstSound = this.#lookBack.findIndex((frame) => !isSilentFrame(frame));
      this.#queue = firstSound < 0 ? [] : this.#lookBack.slice(firstSound);
      this.#lookBack = [];
      this.#keyedMs = 0;
      this.#starvedMs = 0;
    }
    this.#state = 'keyed';
  }

  unkey(): void {
    if (this.#state !== 'keyed') return;
    this.#state = 'tail';
    this.#tailLeftMs = this.#keying.tailMs;
  }

  /** Called every 20 ms. */
  step(): TransmitterStep {
    if (this.#state === 'idle') return { kind: 'idle' };
    this.#keyedMs += FRAME_MS;
    this.#starvedMs += FRAME_MS;
    if (this.#keyedMs > this.#keyedAtMostMs) return this.#end('time-limit');
    if (this.#starvedMs > TRANSMIT_LIMITS.starvedMs) return this.#end('starved');
    if (this.#state === 'tail') {
      this.#tailLeftMs -= FRAME_MS;
      if (this.#tailLeftMs <= 0 && this.#queue.length === 0) return this.#end('unkeyed');
    }
    if (this.#risingMs > 0) {
      this.#risingMs -= FRAME_MS;
      return { kind: 'on-air', frame: undefined };
    }
    this.#catchUp();
    return { kind: 'on-air', frame: this.#queue.shift() };
  }

  /** Of a pause that waits, one frame in two is left out, so that the delay of the rise does not last. */
  #catchUp(): void {
    const [first, second] = this.#queue;
    if (this.#queue.length * FRAME_MS <= TRANSMIT_LIMITS.backlogMs || !first || !second) return;
    if (isSilentFrame(first) && isSilentFrame(second)) this.#queue.shift();
  }

  #end(why: 'unkeyed' | 'time-limit' | 'starved'): TransmitterStep {
    this.#state = 'idle';
    this.#queue = [];
    this.#lookBack = [];
    return { kind: 'ended', why };
  }
}

/** Whether a frame of A-law has nothing in it that need be transmitted. */
export function isSilentFrame(frame: Uint8Array): boolean {
  return levelDb(decodeG711('pcma', frame)) <= SILENCE_DB;
}
