import type { Clock, Timer } from '#kernel/clock.ts';
import { Emitter, type Listenable } from '#kernel/emitter.ts';
import type { UserAgent } from './face.ts';

export type PeerState =
  | { kind: 'unknown' }
  | { kind: 'up'; sinceMs: number; answeredAfterMs: number }
  /** `status` when it answers, but with a refusal that means that it cannot serve. */
  | { kind: 'down'; sinceMs: number; status?: number };

export interface SupervisionOptions {
  /** sip: URI of the trunk's far end or of a registrar. */
  target: string;
  everyMs?: number;
  /** OPTIONS that must fail one after another before the peer counts as down; it is asked faster meanwhile. */
  failuresUntilDown?: number;
}

const EVERY_MS = 30_000;
/** Between questions to a peer that has just failed one, so that an outage is known within seconds. */
const AGAIN_MS = 2000;
const ANSWER_WITHIN_MS = 4000;
const FAILURES_UNTIL_DOWN = 2;

/**
 * Asks a peer by OPTIONS, again and again, whether it lives: `new PeerSupervision(userAgent, clock, { target:
 * 'sip:10.0.0.9:5060' })`. `state` is what is known now, the event `state` tells each change. A peer that falls silent is
 * known as down within some 10 s of the next question; one that comes back, within `everyMs`. Ends when disposed of. Of a
 * name with several targets (RFC 3263) one that answers is enough.
 */
export class PeerSupervision
  extends Emitter<{ state: [PeerState] }>
  implements Disposable, Listenable<{ state: [PeerState] }>
{
  readonly #options: SupervisionOptions;
  readonly #ping: UserAgent['ping'];
  readonly #clock: Clock;
  #state: PeerState = { kind: 'unknown' };
  #failures = 0;
  #timer: Timer | undefined;
  #isOver = false;

  constructor(agent: Pick<UserAgent, 'ping'>, clock: Clock, options: SupervisionOptions) {
    super();
    this.#ping = (target, timeoutMs) => agent.ping(target, timeoutMs);
    this.#clock = clock;
    this.#options = options;
    void this.#ask();
  }

  get state(): PeerState {
    return this.#state;
  }

  [Symbol.dispose](): void {
    this.#isOver = true;
    this.#timer?.cancel();
  }

  async #ask(): Promise<void> {
    const { target, everyMs = EVERY_MS, failuresUntilDown = FAILURES_UNTIL_DOWN } = this.#options;
    const outcome = await this.#ping(target, ANSWER_WITHIN_MS);
    if (this.#isOver) return;
    // Whatever is answered shows that the peer lives, but for what says that it cannot serve now.
    const isServing = outcome.kind === 'answered' && ![408, 500, 502, 503, 504].includes(outcome.status);
    this.#failures = isServing ? 0 : this.#failures + 1;
    const sinceMs = this.#clock.now();
    if (isServing && this.#state.kind !== 'up') this.#become({ kind: 'up', sinceMs, answeredAfterMs: outcome.afterMs });
    else if (this.#failures >= failuresUntilDown && this.#state.kind !== 'down')
      this.#become({ kind: 'down', sinceMs, ...(outcome.kind === 'answered' && { status: outcome.status }) });
    const isInDoubt = !isServing && this.#state.kind !== 'down';
    this.#timer = this.#clock.after(isInDoubt ? Math.min(AGAIN_MS, everyMs) : everyMs, () => void this.#ask());
  }

  #become(state: PeerState): void {
    this.#state = state;
    this.emit('state', state);
  }
}
