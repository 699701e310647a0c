import type { Clock, Timer } from '#kernel/clock.ts';
import type { BearerProfile } from './bearer-profile.ts';
import { FloorQueue } from './floor-queue.ts';
import { FLOOR_TABLE, type FloorAction, type FloorInput, type FloorState } from './floor-table.ts';
import type { FloorEnd, FloorRequest, Talker } from './talker.ts';

export const FLOOR_LIMITS = {
  /** Waiting for the floor of one channel; the next is denied with `queue-full`. */
  queued: 20,
} as const;

/** What the floor tells, each the moment it happens. */
export interface FloorUser {
  granted(talker: Talker, isCarrierUp: boolean): void;
  ended(talker: Talker, because: FloorEnd): void;
  /** Someone who waited will not get the floor: the channel was lost. */
  dropped(talker: Talker): void;
  /** The talker must come to an end. */
  warned(talker: Talker, leftMs: number): void;
  /** State, talker or queue is new. */
  changed(): void;
}

/** The floor of a half-duplex channel: one talker at a time, the others wait in their order or are denied. */
export class Floor {
  readonly profile: BearerProfile;
  readonly #clock: Clock;
  readonly #user: FloorUser;
  readonly #queue = new FloorQueue(FLOOR_LIMITS.queued);
  #state: FloorState = 'idle';
  #talker?: Talker;
  #air?: string;
  #limitAt?: number;
  #warning?: Timer;
  #limit?: Timer;
  #hang?: Timer;
  /** The transmitter is still keyed up from before, so that the next talker need not wait for it. */
  #isUp = false;
  /** Who asks in this moment, while the table runs. */
  #asker?: { talker: Talker; mayQueue: boolean };
  #answer: FloorRequest = { kind: 'granted' };

  constructor(clock: Clock, profile: BearerProfile, user: FloorUser) {
    this.#clock = clock;
    this.profile = profile;
    this.#user = user;
  }

  get state(): FloorState {
    return this.#state;
  }

  get talker(): Talker | undefined {
    return this.#talker;
  }

  /** Who is heard from the air. */
  get onAir(): string | undefined {
    return this.#air;
  }

  /** When the talker will lose the floor, by the wall clock. */
  get limitAt(): number | undefined {
    return this.#limitAt;
  }

  /** Who waits, the next one first. */
  get queue(): readonly Talker[] {
    return this.#queue.all;
  }

  /** Asks for the floor. `mayQueue`: who cannot have it now wants to wait for it. */
  request(talker: Talker, mayQueue = false): FloorRequest {
    if (this.#talker?.id === talker.id) {
      // He asks more urgently: from now on only who is above that takes the floor from him.
      if (talker.priority > this.#talker.priority) this.#talker = talker;
      return { kind: 'granted' };
    }
    this.#asker = { talker, mayQueue };
    this.#take(this.#mayPreEmpt(talker) ? 'pre-empting-request' : 'request');
    return this.#answer;
  }

  /** Lets go of the floor, or of the place in the queue. */
  release(id: string): void {
    if (this.#talker?.id === id) this.#take('release');
    else if (this.#queue.remove(id)) this.#user.changed();
  }

  /** The receiver's squelch opened or closed. */
  heard(isOpen: boolean, name: string): void {
    this.#air = isOpen ? name : undefined;
    this.#take(isOpen ? 'air-opened' : 'air-closed');
    this.#user.changed();
  }

  /** The channel is gone: nobody has its floor, nobody waits for it. */
  lost(): void {
    this.#air = undefined;
    this.#take('lost');
  }

  #mayPreEmpt({ priority }: Talker): boolean {
    if (this.#talker) return priority > this.#talker.priority;
    return this.#air !== undefined && priority === 3;
  }

  #take(input: FloorInput): void {
    const row = FLOOR_TABLE[this.#state][input];
    if (!row) return;
    const [next, ...actions] = row;
    this.#state = next;
    for (const action of actions) this.#perform(action);
  }

  #perform(action: FloorAction): void {
    switch (action) {
      case 'grant':
        return this.#grant();
      case 'queue-or-deny':
        return this.#queueOrDeny();
      case 'revoke-pre-empted':
        return this.#end('pre-empted');
      case 'revoke-time-limit':
        return this.#end('time-limit');
      case 'revoke-lost':
        return this.#end('channel-lost');
      case 'end-released':
        return this.#end('released');
      case 'start-hang':
        this.#hang = this.#clock.after(this.profile.hangMs, () => this.#hangIsOver());
        return;
      case 'stop-hang':
        this.#hang?.cancel();
        this.#hang = undefined;
        return;
      case 'next':
        return this.#next();
      case 'drop-queue':
        for (const talker of this.#queue.empty()) this.#user.dropped(talker);
        return this.#user.changed();
    }
  }

  #grant(): void {
    const talker = this.#asker!.talker;
    const isCarrierUp = this.#isUp;
    this.#queue.remove(talker.id);
    this.#talker = talker;
    this.#answer = { kind: 'granted' };
    const { talkLimitMs, warnBeforeMs } = this.profile;
    this.#limitAt = this.#clock.now() + talkLimitMs;
    if (warnBeforeMs < talkLimitMs)
      this.#warning = this.#clock.after(talkLimitMs - warnBeforeMs, () => this.#user.warned(talker, warnBeforeMs));
    this.#limit = this.#clock.after(talkLimitMs, () => this.#take('limit'));
    this.#user.granted(talker, isCarrierUp);
    this.#user.changed();
  }

  #queueOrDeny(): void {
    const { talker, mayQueue } = this.#asker!;
    const speaks = this.#talker?.name ?? this.#air ?? '';
    if (!mayQueue) this.#answer = { kind: 'denied', talker: speaks, because: 'taken' };
    else if (this.#queue.put(talker)) {
      this.#answer = { kind: 'queued', position: this.#queue.positionOf(talker.id), talker: speaks };
      this.#user.changed();
    } else this.#answer = { kind: 'denied', talker: speaks, because: 'queue-full' };
  }

  #end(because: FloorEnd): void {
    const talker = this.#talker!;
    this.#warning?.cancel();
    this.#limit?.cancel();
    this.#limitAt = undefined;
    this.#talker = undefined;
    this.#isUp = because !== 'channel-lost';
    this.#user.ended(talker, because);
    if (because !== 'pre-empted') this.#user.changed();
  }

  #next(): void {
    const talker = this.#queue.shift();
    if (!talker) return;
    this.#asker = { talker, mayQueue: true };
    this.#take('turn');
  }

  #hangIsOver(): void {
    this.#hang = undefined;
    this.#isUp = false;
    this.#take('hang-over');
    this.#user.changed();
  }
}
