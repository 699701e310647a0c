import { Aside } from '#calls/aside.ts';
import type { SipLeg } from '#calls/sip-leg.ts';
import { TONES } from '#calls/tones.ts';
import type { MediaBridge } from '#media/bridge.ts';
import type { Desk } from './desk.ts';

/** What a caller is told whose call waits. */
const WAITING = {
  zh: '您拨打的电话正在通话中，请稍候。',
  en: 'The person you are calling is on the phone. Please wait.',
};

/**
 * What a caller hears before the call is answered: of a trunk's far end its own ringing tone, or an announcement that the
 * number has changed; of a phone that talks, that he waits for it. When a trunk fails and the next is tried, the caller hears
 * the next.
 */
export class EarlyMedia implements AsyncDisposable {
  readonly #caller: SipLeg;
  readonly #desk: Pick<Desk, 'engine' | 'log' | 'holdMusicFile'>;
  #work: Promise<void> = Promise.resolve();
  #bridge?: MediaBridge;
  #far?: SipLeg;
  #aside?: Aside;

  constructor(caller: SipLeg, desk: Pick<Desk, 'engine' | 'log' | 'holdMusicFile'>) {
    this.#caller = caller;
    this.#desk = desk;
  }

  /** Lets the caller and this far end hear each other; a caller who cannot hears ringing. */
  hear(far: SipLeg): void {
    this.#next(() => this.#join(far));
  }

  /** The phone talks: the caller hears in words that he waits, and then music; one who cannot hears ringing. */
  wait(language: keyof typeof WAITING): void {
    this.#next(async () => {
      if (!(await this.#caller.hearEarly())) return this.#caller.ring();
      const aside = (this.#aside = await Aside.open(this.#caller, this.#desk.engine));
      void aside
        .say({ text: WAITING[language], language })
        .then(() => this.#aside && aside.play({ kind: 'file', path: this.#desk.holdMusicFile }, { loop: true }))
        .catch((error: unknown) => this.#desk.log.warn('a waiting caller hears nothing', { error }));
    });
  }

  /** The phone rings, and the caller hears it: by his own phone, or from us when he hears us already. */
  ring(): void {
    if (!this.#aside) return this.#caller.ring();
    this.#next(async () => void this.#aside?.play(TONES.ringing).catch(() => {}));
  }

  /** The call is answered, or will not be: nobody waits any more. */
  stopWaiting(): Promise<void> {
    this.#next(async () => {
      const aside = this.#aside;
      this.#aside = undefined;
      await aside?.[Symbol.asyncDispose]();
    });
    return this.#work;
  }

  /** What joins the two when the call is answered takes them out of here first. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.stopWaiting();
    await this.#bridge?.close();
  }

  #next(step: () => Promise<void>): void {
    this.#work = this.#work
      .then(step)
      .catch((error: unknown) => this.#desk.log.warn('no early media for a caller', { error }));
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
