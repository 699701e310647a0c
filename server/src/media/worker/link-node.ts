import { WIDE_FRAME_SAMPLES } from '../jitter-buffer.ts';
import type { Mix, Voice } from '../mixer.ts';
import { FrameRing } from './frame-ring.ts';
import { MediaNode } from './node.ts';

/**
 * One end of the line between two threads that share a bridge: it says what the other thread's part of the bridge sums up
 * to, and tells that one what this part does, less what came from there. Its sound is of 16 kHz whatever is spoken.
 */
export class LinkNode extends MediaNode {
  readonly canSpeak = true;
  readonly canListen = true;
  override frame = new Int16Array(WIDE_FRAME_SAMPLES);
  readonly #inbound: FrameRing;
  readonly #outbound: FrameRing;

  constructor(id: string, inbound: SharedArrayBuffer, outbound: SharedArrayBuffer) {
    super(id);
    this.#inbound = new FrameRing(inbound);
    this.#outbound = new FrameRing(outbound);
  }

  override produce(): void {
    this.peak = this.#inbound.pull(this.frame);
    this.hasSound = this.peak > 0;
  }

  override consume(mix: Mix | undefined, own: Voice | undefined): void {
    if (!mix || mix.talkers === (own?.isAudible ? 1 : 0)) return this.#outbound.push(0);
    const frame = this.#outbound.next;
    mix.writeWide(own, frame);
    let peak = 0;
    for (let i = 0; i < frame.length; i += 1) peak = Math.max(peak, Math.abs(frame[i]!));
    this.#outbound.push(peak);
  }

  override close(): void {
    // The memory goes with the last who knows it.
  }
}
