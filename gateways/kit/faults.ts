import type { GatewayCommand } from '@tocsin/protocol/gateway.ts';
import type { Chance } from '@tocsin/server/kernel/chance.ts';
import type { Clock } from '@tocsin/server/kernel/clock.ts';

type Injection = Extract<GatewayCommand, { kind: 'inject-fault' }>;

/** Longest delay that can be injected. */
const DELAY_AT_MOST_MS = 5000;

/** Faults on the way of a resource's speech, for demonstrations and exercises; a real site does not allow them. */
export class Faults {
  readonly #clock: Clock;
  readonly #chance: Chance;
  readonly #isAllowed: boolean;
  readonly #standing = new Map<string, { fault: Injection['fault']; amount: number }>();

  constructor(options: { isAllowed: boolean; clock: Clock; chance: Chance }) {
    this.#isAllowed = options.isAllowed;
    this.#clock = options.clock;
    this.#chance = options.chance;
  }

  /** `loss`: amount percent of packets; `delay`: amount milliseconds; `cut`: all; `none` mends. */
  inject({ resource, fault, amount }: Injection): { outcome: 'done' } | { outcome: 'refused'; because: string } {
    if (!this.#isAllowed) return { outcome: 'refused', because: 'faults are not allowed at this site' };
    switch (fault) {
      case 'none':
        this.#standing.delete(resource);
        return { outcome: 'done' };
      case 'loss':
      case 'delay':
      case 'cut':
        this.#standing.set(resource, { fault, amount: amount ?? 20 });
        return { outcome: 'done' };
      case 'freeze':
      case 'garbage':
      case 'kill':
        return { outcome: 'refused', because: `the fault ${fault} is not known here` };
    }
  }

  /** Lets a packet pass, late, or not at all. */
  pass(resource: string, go: () => void): void {
    const standing = this.#standing.get(resource);
    if (!standing) return go();
    if (standing.fault === 'cut') return;
    if (standing.fault === 'loss' && this.#chance.fraction() * 100 < standing.amount) return;
    if (standing.fault === 'delay') this.#clock.after(Math.min(DELAY_AT_MOST_MS, standing.amount), go);
    else go();
  }
}
