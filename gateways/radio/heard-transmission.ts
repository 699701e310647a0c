/** Samples of one transmission that are kept: two minutes at 8 kHz. */
const SAMPLES_KEPT = 8000 * 120;

/** Something that the system said on air, as a simulated radio heard it. */
export class HeardTransmission {
  readonly startedAtMs: number;
  endedAtMs: number | undefined;
  packets = 0;
  /** Where the protocol has talkgroups. */
  talkgroup = 0;
  readonly #chunks: Int16Array[] = [];
  #length = 0;

  constructor(startedAtMs: number) {
    this.startedAtMs = startedAtMs;
  }

  add(samples: Int16Array): void {
    this.packets += 1;
    if (this.#length >= SAMPLES_KEPT) return;
    this.#chunks.push(samples);
    this.#length += samples.length;
  }

  get samples(): Int16Array {
    return concat(this.#chunks);
  }
}

/** What a simulated radio says. */
export interface Speech {
  ms: number;
  /** A tone; absent: speech-like babble. */
  hz?: number;
  /** … or these samples at 8 kHz. */
  samples?: Int16Array;
  talker?: string;
  radioId?: number;
}

export function concat(parts: Int16Array[]): Int16Array {
  const whole = new Int16Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
