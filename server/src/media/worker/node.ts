import { FRAME_SAMPLES } from '../jitter-buffer.ts';
import type { Mix, Voice } from '../mixer.ts';
import { LevelMeter } from './level-meter.ts';

/** What one tick is about. One object serves all ticks. */
export interface Tick {
  nowMs: number;
  /** Ticks that were skipped before this one. */
  skipped: number;
}

/** What can be on a bridge: it speaks, listens, or both. */
export abstract class MediaNode {
  readonly id: string;
  /** The 20 ms it says in this tick, of 8 kHz or of 16; of meaning only when `hasSound`. */
  frame = new Int16Array(FRAME_SAMPLES);
  hasSound = false;
  /** Of the frame as it was said, before gain and mute. */
  peak = 0;
  readonly meter = new LevelMeter();
  /** The bridge it is on. */
  bridgeId: string | undefined;

  abstract readonly canSpeak: boolean;
  abstract readonly canListen: boolean;
  /** Hears also what is meant for others. */
  readonly isWitness: boolean = false;

  constructor(id: string) {
    this.id = id;
  }

  /** Prepares `frame` and `hasSound`. */
  abstract produce(tick: Tick): void;
  /** Takes what it hears: `mix` less `own`. Without a bridge there is no mix. */
  abstract consume(mix: Mix | undefined, own: Voice | undefined, tick: Tick): void;
  abstract close(): void;

  protected measure(): void {
    const frame = this.frame;
    let peak = 0;
    let energy = 0;
    for (let i = 0; i < frame.length; i += 1) {
      const sample = frame[i]!;
      energy += sample * sample;
      if (sample > peak) peak = sample;
      else if (-sample > peak) peak = -sample;
    }
    this.peak = peak;
    this.meter.add((energy * FRAME_SAMPLES) / frame.length);
  }
}
