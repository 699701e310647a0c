import type { Fault, GatewayCommand } from '@tocsin/protocol/gateway.ts';
import type { Chance } from '@tocsin/server/kernel/chance.ts';
import type { Clock } from '@tocsin/server/kernel/clock.ts';

type Injection = Extract<GatewayCommand, { kind: 'inject-fault' }>;
type Outcome = { outcome: 'done' } | { outcome: 'refused'; because: string };
/** What travels: bytes or samples. */
type Packet = Uint8Array | Int16Array;

/** Longest delay that can be injected. */
const DELAY_AT_MOST_MS = 5000;
/** What a fault without an amount means. */
const AMOUNTS: Record<Fault, number> = {
  none: 0,
  loss: 20,
  jitter: 60,
  delay: 500,
  cut: 0,
  freeze: 0,
  garbage: 0,
  kill: 0,
};

interface Standing {
  fault: Fault;
  amount: number;
  /** The last packet before it froze. */
  last?: Packet;
}

/**
 * Faults on the way between a gateway and what is beyond it, for demonstrations, exercises and tests; a real site does not
 * allow them. One mechanism for all gateways: the kit takes the command, a gateway sends what it sends and takes what it
 * takes through here.
 */
export class Faults {
  readonly #clock: Clock;
  readonly #chance: Chance;
  readonly #isAllowed: boolean;
  readonly #kill: () => void;
  readonly #standing = new Map<string, Standing>();
  readonly #watchers: ((resource: string, fault: Fault) => void)[] = [];

  constructor(options: { isAllowed: boolean; clock: Clock; chance: Chance; kill?: () => void }) {
    this.#isAllowed = options.isAllowed;
    this.#clock = options.clock;
    this.#chance = options.chance;
    this.#kill = options.kill ?? (() => process.kill(process.pid, 'SIGKILL'));
  }

  /** What the amounts mean: see protocol/src/gateway.ts, `Fault`. `none` mends. */
  inject({ resource, fault, amount = AMOUNTS[fault] }: Omit<Injection, 'kind' | 'command'>): Outcome {
    if (!this.#isAllowed) return { outcome: 'refused', because: 'faults are not allowed at this site' };
    if (fault === 'none') this.#standing.delete(resource);
    else this.#standing.set(resource, { fault, amount });
    for (const watcher of this.#watchers) watcher(resource, fault);
    // The answer and the journals go out first; then it dies as a power cut lets it die.
    if (fault === 'kill') this.#clock.after(300, this.#kill);
    return { outcome: 'done' };
  }

  /** Called at each change: for what is not a packet, such as a connection. */
  watch(watcher: (resource: string, fault: Fault) => void): void {
    this.#watchers.push(watcher);
  }

  /** The fault that stands on a resource. */
  on(resource: string): Fault {
    return this.#standing.get(resource)?.fault ?? 'none';
  }

  /** Whether something is lost now, by chance. */
  loses(resource: string): boolean {
    const standing = this.#standing.get(resource);
    return standing?.fault === 'loss' && this.#chance.fraction() * 100 < standing.amount;
  }

  /** How much later something comes now. */
  delayMs(resource: string): number {
    const standing = this.#standing.get(resource);
    if (standing?.fault === 'delay') return Math.min(DELAY_AT_MOST_MS, standing.amount);
    if (standing?.fault === 'jitter') return Math.min(DELAY_AT_MOST_MS, standing.amount) * this.#chance.fraction();
    return 0;
  }

  /** Whether what is said now does not come through at all, for what is said in one piece: a burst, a report. */
  swallows(resource: string): boolean {
    const fault = this.on(resource);
    return fault === 'cut' || fault === 'freeze' || this.loses(resource);
  }

  /** Lets a packet pass: as it is, late, changed, or not at all. */
  pass<P extends Packet>(resource: string, packet: P, go: (packet: P) => void): void {
    const standing = this.#standing.get(resource);
    if (!standing) return go(packet);
    switch (standing.fault) {
      case 'cut':
        return;
      case 'loss':
        return this.loses(resource) ? undefined : go(packet);
      case 'delay':
      case 'jitter':
        this.#clock.after(this.delayMs(resource), () => go(packet));
        return;
      case 'freeze':
        standing.last ??= packet;
        return go(standing.last as P);
      case 'garbage':
        return go(packet.map(() => Math.floor(this.#chance.fraction() * 256)) as P);
      case 'none':
      case 'kill':
        return go(packet);
    }
  }
}
