import type { Clock } from '#kernel/clock.ts';
import { Emitter } from '#kernel/emitter.ts';
import type { DialogLamp } from '#sip/subscription/bodies.ts';
import type { Leg } from './leg.ts';

/** What a lamp shows of a phone: who has it calls somebody, it rings, he talks, or has put his talk on hold. */
export type LampState = 'idle' | 'calling' | 'ringing' | 'talking' | 'held';

interface Lamp {
  leg: Leg;
  /** The number at the other end. */
  other: string;
}

/** Which of our phones are free, ringing or talking: told by their legs, whatever these are for. */
export class Lamps extends Emitter<{ changed: [account: string] }> {
  readonly #legs = new Map<string, Lamp[]>();
  readonly #since = new Map<string, number>();
  readonly #freeSince = new Map<string, number>();
  readonly #clock: Clock;

  constructor(clock: Clock) {
    super();
    this.#clock = clock;
  }

  /** This account has a leg from now until the leg ends; `other` is the number that it calls or is called by. */
  follow(account: string, leg: Leg, other: string): void {
    this.#legs.set(account, [...(this.#legs.get(account) ?? []), { leg, other }]);
    let before = this.of(account).state;
    let hasTalked = leg.state === 'answered';
    leg.once('answered', () => (hasTalked = true));
    const tell = () => {
      const { state } = this.of(account);
      if (state !== before) this.#since.set(account, this.#clock.now());
      before = state;
      this.emit('changed', account);
    };
    for (const event of ['ringing', 'answered', 'held'] as const) leg.on(event, tell);
    leg.once('ended', () => {
      const left = (this.#legs.get(account) ?? []).filter((lamp) => lamp.leg !== leg);
      if (left.length > 0) this.#legs.set(account, left);
      else this.#legs.delete(account);
      // Ringing in vain is no work: only who has talked goes to the end of the row.
      if (hasTalked) this.#freeSince.set(account, this.#clock.now());
      tell();
    });
    tell();
  }

  of(account: string): { state: LampState; since: number; other?: string } {
    const lamps = this.#legs.get(account) ?? [];
    const since = this.#since.get(account) ?? 0;
    const [shown] = lamps
      .map(({ leg, other }) => ({ state: stateOf(leg), other }))
      .sort((a, b) => ORDER.indexOf(a.state) - ORDER.indexOf(b.state));
    return shown && shown.state !== 'idle' ? { ...shown, since } : { state: 'idle', since };
  }

  isFree(account: string): boolean {
    return !this.#legs.has(account);
  }

  /** When its last talk ended; 0 when it has not talked since the server's start. */
  freeSince(account: string): number {
    return this.#freeSince.get(account) ?? 0;
  }

  /** The same as phones are told it (RFC 4235). `uriOf` makes a number an address. */
  dialogs(account: string, uriOf: (number: string) => string): DialogLamp[] {
    return (this.#legs.get(account) ?? []).map(({ leg, other }) => ({
      id: leg.id,
      state: leg.state === 'answered' ? 'confirmed' : leg.state === 'ringing' ? 'early' : 'trying',
      // To the phone, a leg that goes out from us is a call that it receives.
      direction: leg.direction === 'outbound' ? 'recipient' : 'initiator',
      remote: uriOf(other),
      // Only of what rings: by these a phone picks it up (INVITE with Replaces). A talk is nobody's to take.
      ...(leg.state === 'ringing' && leg.earlyDialogs?.[0] ? { ids: leg.earlyDialogs[0] } : {}),
    }));
  }
}

/** Of several calls of a phone, the lamp shows the first of these. */
const ORDER: LampState[] = ['talking', 'held', 'ringing', 'calling', 'idle'];

function stateOf(leg: Leg): LampState {
  if (leg.state === 'answered') return leg.isHeldByPeer ? 'held' : 'talking';
  if (leg.direction === 'inbound') return leg.state === 'ended' ? 'idle' : 'calling';
  return leg.state === 'ringing' ? 'ringing' : 'idle';
}
