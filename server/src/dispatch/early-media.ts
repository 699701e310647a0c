import type { SipLeg } from '#calls/sip-leg.ts';
import type { MediaBridge } from '#media/bridge.ts';
import type { Desk } from './desk.ts';

/**
 * What a caller hears of the far end before it has answered: its own ringing tone, or an announcement that the number has
 * changed. When a trunk fails and the next is tried, the caller hears the next.
 */
export class EarlyMedia implements AsyncDisposable {
  readonly #caller: SipLeg;
  readonly #desk: Pick<Desk, 'engine' | 'log'>;
  #work: Promise<void> = Promise.resolve();
  #bridge?: MediaBridge;
  #far?: SipLeg;

  constructor(caller: SipLeg, desk: Pick<Desk, 'engine' | 'log'>) {
    this.#caller = caller;
    this.#desk = desk;
  }

  /** Lets the caller and this far end hear each other; a caller who cannot hears ringing. */
  hear(far: SipLeg): void {
    this.#work = this.#work
      .then(() => this.#join(far))
      .catch((error: unknown) => this.#desk.log.warn('no early media for a caller', { error }));
  }

  /** What joins the two when the call is answered takes them out of here first. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#work;
    await this.#bridge?.close();
  }

  async #join(far: SipLeg): Promise<void> {
    if (far.gone.aborted || this.#far === far || this.#caller.state === 'answered') return;
    if (!(await this.#caller.hearEarly(far))) return this.#caller.ring();
    if (!this.#bridge) {
      this.#bridge = await this.#desk.engine.openBridge({ label: `early ${this.#caller.id}` });
      await this.#bridge.add(this.#caller.node);
    }
    this.#far = far;
    await this.#bridge.add(far.node);
  }
}
