import { FRAME_SAMPLES } from '../jitter-buffer.ts';
import type { Mix, Voice } from '../mixer.ts';
import { MediaNode, type Tick } from './node.ts';
import type { Report } from './protocol.ts';
import { VoiceGate } from './voice-gate.ts';

/** Frames handed to the writer at a time (240 ms): what a crash may cost, and how often memory is allocated. */
const CHUNK_FRAMES = 12;
const FRAME_MS = 20;
const EMPTY = new Int16Array(0);

export interface RecorderNodeOptions {
  id: string;
  channels: 1 | 2;
  /** Nodes whose voice goes to the left channel alone; the right channel has everyone else. */
  left: readonly string[];
  /** Only what is said is kept; the rest is silence. */
  byVoice: boolean;
  deliver: (samples: Int16Array, isLast: boolean) => void;
  report: (report: Report) => void;
}

/**
 * Listens, and hands what it hears to the engine's writer in pieces. It keeps time: skipped ticks become silence, and so does
 * what passes while it is held.
 */
export class RecorderNode extends MediaNode {
  readonly canSpeak = false;
  readonly canListen = true;
  override readonly isWitness = true;
  readonly channels: 1 | 2;
  readonly left: ReadonlySet<string>;
  recordedFrames = 0;
  /** While it is, silence is written. */
  isHeld = false;
  /** What the left channel hears; set by the room when there are two channels. */
  leftMix: Mix | undefined;
  readonly #deliver: (samples: Int16Array, isLast: boolean) => void;
  readonly #gate: VoiceGate | undefined;
  #chunk: Int16Array;
  #frames = 0;

  constructor({ id, channels, left, byVoice, deliver, report }: RecorderNodeOptions) {
    super(id);
    this.channels = channels;
    this.left = new Set(left);
    this.#deliver = deliver;
    this.#chunk = new Int16Array(CHUNK_FRAMES * FRAME_SAMPLES * channels);
    if (byVoice)
      this.#gate = new VoiceGate((isOpen, piece) =>
        report({ about: id, what: 'voice', isOpen, atMs: piece * CHUNK_FRAMES * FRAME_MS }),
      );
  }

  /** Where in the recording we are. */
  get recordedMs(): number {
    return this.recordedFrames * FRAME_MS;
  }

  override produce(): void {
    // A recorder says nothing.
  }

  override consume(mix: Mix | undefined, _own: Voice | undefined, tick: Tick): void {
    for (let i = 0; i < tick.skipped; i += 1) this.#write(undefined, undefined);
    if (this.isHeld) this.#write(undefined, undefined);
    else this.#write(mix, this.leftMix);
  }

  /** Hands over what is left; nothing comes after it. */
  override close(): void {
    const rest = this.#chunk.slice(0, this.#frames * FRAME_SAMPLES * this.channels);
    if (this.#gate) {
      for (const piece of [this.#gate.pass(rest, this.channels), this.#gate.rest()])
        if (piece) this.#deliver(piece, piece === rest);
    } else this.#deliver(rest, true);
    this.#frames = 0;
    this.#chunk = EMPTY;
  }

  #write(mix: Mix | undefined, leftMix: Mix | undefined): void {
    if (this.#chunk === EMPTY) return;
    const stride = this.channels;
    const at = this.#frames * FRAME_SAMPLES * stride;
    if (stride === 1) mix?.writeLinear(undefined, this.#chunk, at, 1);
    else {
      leftMix?.writeLinear(undefined, this.#chunk, at, 2);
      mix?.writeLinear(undefined, this.#chunk, at + 1, 2);
    }
    this.#frames += 1;
    this.recordedFrames += 1;
    if (this.#frames < CHUNK_FRAMES) return;
    const full = this.#chunk;
    this.#chunk = new Int16Array(CHUNK_FRAMES * FRAME_SAMPLES * stride);
    this.#frames = 0;
    const ready = this.#gate ? this.#gate.pass(full, stride) : full;
    if (ready) this.#deliver(ready, false);
  }
}
