import type { Channel } from '@tocsin/protocol/directory.ts';
import type { Log } from '#kernel/log.ts';
import type { Dialler } from './dialler.ts';
import type { GatewayResources } from './gateway-resources.ts';
import type { HangUpReason, Leg } from './leg.ts';

/** A gateway answers at once; longer than this and it is not there. */
const GATEWAY_ANSWERS_WITHIN_MS = 4_000;

/** The standing call to a channel's gateway: made when it is first needed, and kept until somebody hangs up. */
export class ChannelLine {
  leg?: Leg;
  readonly #facts: Channel;
  readonly #parts: { dialler: Dialler; resources: GatewayResources; log: Log };
  readonly #onEnded: (because: HangUpReason) => void;
  #dialling?: Promise<Leg | undefined>;

  constructor(
    facts: Channel,
    parts: { dialler: Dialler; resources: GatewayResources; log: Log },
    onEnded: (because: HangUpReason) => void,
  ) {
    this.#facts = facts;
    this.#parts = parts;
    this.#onEnded = onEnded;
  }

  get isAnswered(): boolean {
    return this.leg?.state === 'answered';
  }

  /** Undefined when the gateway is not there. */
  connect(): Promise<Leg | undefined> {
    if (this.leg?.state === 'answered') return Promise.resolve(this.leg);
    this.#dialling ??= this.#dial().finally(() => (this.#dialling = undefined));
    return this.#dialling;
  }

  async #dial(): Promise<Leg | undefined> {
    const { id, name, gateway } = this.#facts;
    const address = this.#parts.resources.address(gateway, id);
    if (!address) return undefined;
    const outcome = await this.#parts.dialler.dial(
      { address },
      {
        ringForMs: GATEWAY_ANSWERS_WITHIN_MS,
        from: { number: id, name: 'Tocsin' },
        party: { number: id, name },
      },
    );
    if (outcome.kind !== 'answered') {
      this.#parts.log.warn('radio channel not reached', { channel: id, outcome: outcome.kind });
      return undefined;
    }
    this.leg = outcome.leg;
    this.leg.once('ended', (because) => {
      this.leg = undefined;
      this.#onEnded(because);
    });
    return this.leg;
  }
}
