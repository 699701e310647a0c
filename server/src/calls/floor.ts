import type { Clock, Timer } from '#kernel/clock.ts';

/** Who asks for the floor. A higher priority takes it from a lower one. */
export interface Talker {
  /** Unique: a user's id, a participant's id. */
  id: string;
  /** In the user's words. */
  name: string;
  /** 0 routine … 3 emergency. */
  priority: 0 | 1 | 2 | 3;
}

export type FloorRequest =
  | { kind: 'granted' }
  /** Someone else is speaking; `talker` is shown to who asked. */
  | { kind: 'denied'; talker: string };

export type FloorEnd = 'released' | 'pre-empted' | 'time-limit' | 'channel-lost';

/** Longest time one talker may hold the floor, so that a stuck key does not block the channel. */
export const TALK_LIMIT_MS = 60_000;

/**
 * The floor of a half-duplex channel: one talker at a time. Speech from the air (an open squelch) holds the floor as
 * well, and only an emergency may talk over it.
 */
export class Floor {
  readonly #clock: Clock;
  readonly #onChange: (talker: Talker | undefined, end?: { talker: Talker; because: FloorEnd }) => void;
  #talker?: Talker;
  #air?: { name: string };
  #limit?: Timer;

  constructor(
    clock: Clock,
    onChange: (talker: Talker | undefined, end?: { talker: Talker; because: FloorEnd }) => void,
  ) {
    this.#clock = clock;
    this.#onChange = onChange;
  }

  get talker(): Talker | undefined {
    return this.#talker;
  }

  /** Who is heard from the air. */
  get onAir(): string | undefined {
    return this.#air?.name;
  }

  request(asker: Talker): FloorRequest {
    if (this.#talker?.id === asker.id) return { kind: 'granted' };
    if (this.#talker && this.#talker.priority >= asker.priority) return { kind: 'denied', talker: this.#talker.name };
    if (this.#air && asker.priority < 3) return { kind: 'denied', talker: this.#air.name };
    const before = this.#talker;
    this.#limit?.cancel();
    this.#talker = asker;
    this.#limit = this.#clock.after(TALK_LIMIT_MS, () => this.#end('time-limit'));
    this.#onChange(asker, before ? { talker: before, because: 'pre-empted' } : undefined);
    return { kind: 'granted' };
  }

  release(id: string): void {
    if (this.#talker?.id === id) this.#end('released');
  }

  /** The receiver's squelch opened or closed. */
  heard(isOpen: boolean, name: string): void {
    this.#air = isOpen ? { name } : undefined;
    this.#onChange(this.#talker);
  }

  lost(): void {
    this.#air = undefined;
    if (this.#talker) this.#end('channel-lost');
  }

  #end(because: FloorEnd): void {
    const talker = this.#talker;
    if (!talker) return;
    this.#limit?.cancel();
    this.#talker = undefined;
    this.#onChange(undefined, { talker, because });
  }
}
