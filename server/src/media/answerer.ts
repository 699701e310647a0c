import { FRAME_SAMPLES } from './jitter-buffer.ts';

/**
 * Who has answered: a person says a word or two and waits for an answer; a machine tells its text in one go, or beeps.
 * Judged by talk and silence alone, whatever the language.
 */
export type Answerer = 'person' | 'machine' | 'unknown';

const FRAME_MS = 20;
/** A frame this loud is talk, dB below full scale; noise of the line is far below. */
const TALK_ABOVE_DB = -40;
const TALK_ENERGY = FRAME_SAMPLES * (32_768 * 10 ** (TALK_ABOVE_DB / 20)) ** 2;
/** All measures in milliseconds since the answer, or of talk without the pauses in it. */
const ANSWERER_LIMITS = {
  /** Nobody greets for longer than this and then waits: 喂，你好 is a second. */
  personTalksAtMost: 2200,
  /** … and waits at least so long; between the sentences of a machine there is less. */
  personWaits: 1200,
  /** Talk of this length is a text that is told. */
  machineTalks: 3000,
  /** One steady tone for so long is the signal to speak, or a tone of the network. */
  beep: 300,
  /** Nothing was said until now. */
  silence: 5000,
  /** Later than this it does not matter any more. */
  decision: 8000,
} as const;
/** Of a frame's energy a single sine must explain all but this. */
const TONE_RESIDUE = 0.01;
/** The sine's pitch, as a cosine, may move by so much from frame to frame. */
const TONE_DRIFT = 0.01;

/** Judges frame by frame; to be fed from the answer on. */
export class AnswererDetector {
  #elapsedMs = 0;
  #talkMs = 0;
  #pauseMs = 0;
  #toneMs = 0;
  #cosine = NaN;
  verdict: Answerer | undefined;

  /** The next 20 ms, of 8 kHz or 16; undefined: silence. @returns the verdict, once there is one */
  listen(frame: Int16Array | undefined): Answerer | undefined {
    if (this.verdict) return this.verdict;
    this.#elapsedMs += FRAME_MS;
    if (frame && isTalk(frame)) {
      this.#talkMs += FRAME_MS;
      this.#pauseMs = 0;
      this.#followTone(frame);
    } else {
      this.#pauseMs += FRAME_MS;
      this.#toneMs = 0;
      this.#cosine = NaN;
    }
    this.verdict = this.#judge();
    return this.verdict;
  }

  #judge(): Answerer | undefined {
    const limits = ANSWERER_LIMITS;
    if (this.#toneMs >= limits.beep || this.#talkMs >= limits.machineTalks) return 'machine';
    if (this.#talkMs === 0) return this.#elapsedMs >= limits.silence ? 'unknown' : undefined;
    if (this.#pauseMs >= limits.personWaits) return this.#talkMs <= limits.personTalksAtMost ? 'person' : 'machine';
    return this.#elapsedMs >= limits.decision ? 'unknown' : undefined;
  }

  /** A sine obeys x[n+1] + x[n−1] = 2·cos ω·x[n]; what speech leaves over is large. */
  #followTone(frame: Int16Array): void {
    let product = 0;
    let energy = 1;
    for (let i = 1; i + 1 < frame.length; i += 1) {
      product += frame[i]! * (frame[i + 1]! + frame[i - 1]!);
      energy += frame[i]! * frame[i]!;
    }
    const twice = product / energy;
    let residue = 0;
    for (let i = 1; i + 1 < frame.length; i += 1) residue += (frame[i + 1]! + frame[i - 1]! - twice * frame[i]!) ** 2;
    const isTone = residue < TONE_RESIDUE * energy && Math.abs(twice) < 1.96;
    const isSame = isTone && !(Math.abs(twice / 2 - this.#cosine) > TONE_DRIFT);
    this.#toneMs = isSame ? this.#toneMs + FRAME_MS : 0;
    this.#cosine = isTone ? twice / 2 : NaN;
  }
}

function isTalk(frame: Int16Array): boolean {
  let energy = 0;
  for (let i = 0; i < frame.length; i += 1) energy += frame[i]! * frame[i]!;
  return (energy * FRAME_SAMPLES) / frame.length > TALK_ENERGY;
}
