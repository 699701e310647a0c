import { FRAME_SAMPLES } from '../jitter-buffer.ts';

/** A frame louder than this counts as voice; the level at which speaking begins (`level-meter.ts`). */
const VOICE_ABOVE_DB = -42;
const VOICE_ENERGY = FRAME_SAMPLES * 32_768 ** 2 * 10 ** (VOICE_ABOVE_DB / 10);
/** So many loud frames of a piece are voice; one alone is a click. */
const VOICE_FRAMES = 2;
/** Pieces of 240 ms that are still kept after the last voice: pauses between words stay in. */
const HANG_PIECES = 8;

/**
 * Lets through what is said, and makes silence of the rest: a recording by voice keeps its times, and its silence takes next to
 * no room once it is packed. One piece is held back, so that the quarter of a second before a voice is kept with it.
 */
export class VoiceGate {
  readonly #onTurn: (isOpen: boolean, piece: number) => void;
  #held: Int16Array | undefined;
  #heldNumber = 0;
  #hang = 0;
  #isOpen = false;

  /** `onTurn` is told the piece with which it opens, or closes. */
  constructor(onTurn: (isOpen: boolean, piece: number) => void) {
    this.#onTurn = onTurn;
  }

  /** Takes the next piece, channels interleaved; gives back the one before it, silenced where nobody spoke. */
  pass(piece: Int16Array, channels: number): Int16Array | undefined {
    const before = this.#held;
    const hasVoice = isVoice(piece, channels);
    const isKept = hasVoice || this.#hang > 0;
    if (before) {
      this.#turn(isKept);
      if (!isKept) before.fill(0);
      this.#heldNumber += 1;
    }
    this.#hang = hasVoice ? HANG_PIECES : Math.max(0, this.#hang - 1);
    this.#held = piece;
    return before;
  }

  /** Gives back the last piece. */
  rest(): Int16Array | undefined {
    const last = this.#held;
    this.#held = undefined;
    if (!last) return undefined;
    if (this.#hang === 0) last.fill(0);
    this.#turn(this.#hang > 0);
    this.#heldNumber += 1;
    this.#turn(false);
    return last;
  }

  #turn(isOpen: boolean): void {
    if (isOpen === this.#isOpen) return;
    this.#isOpen = isOpen;
    this.#onTurn(isOpen, this.#heldNumber);
  }
}

function isVoice(piece: Int16Array, channels: number): boolean {
  const frame = FRAME_SAMPLES * channels;
  let loud = 0;
  for (let from = 0; from + frame <= piece.length; from += frame) {
    for (let channel = 0; channel < channels; channel += 1) {
      let energy = 0;
      for (let i = from + channel; i < from + frame; i += channels) energy += piece[i]! * piece[i]!;
      if (energy < VOICE_ENERGY) continue;
      loud += 1;
      break;
    }
    if (loud >= VOICE_FRAMES) return true;
  }
  return false;
}
