import type { Clock } from '#kernel/clock.ts';
import type { Request, Response } from '../message/message.ts';
import type { Flow } from '../transport/flow.ts';
import { Machine, type Table } from './machine.ts';
import { type Timing, giveUpMs } from './timing.ts';

type State = 'trying' | 'proceeding' | 'completed' | 'terminated';
type Input = 'request' | 'provisional' | 'final' | 'timerJ' | 'transportError';
type Action = 'send' | 'resend' | 'absorbRetransmits' | 'forget';

/** The server transaction of everything but INVITE: RFC 3261 §17.2.2, figure 8. */
const TABLE: Table<State, Input, Action> = {
  trying: {
    provisional: ['proceeding', 'send'],
    final: ['completed', 'send', 'absorbRetransmits'],
  },
  proceeding: {
    request: ['proceeding', 'resend'],
    provisional: ['proceeding', 'send'],
    final: ['completed', 'send', 'absorbRetransmits'],
    transportError: ['terminated', 'forget'],
  },
  completed: {
    request: ['completed', 'resend'],
    timerJ: ['terminated', 'forget'],
    transportError: ['terminated', 'forget'],
  },
  terminated: {},
};

export class NonInviteServerTransaction extends Machine<State, Input, Action> {
  /** The way responses go. */
  readonly flow: Flow;
  readonly #timing: Timing;
  readonly #forget: () => void;
  #last: Buffer | undefined;

  /** The request itself is not kept: there are many of these, for 32 s each, and only the response is sent again. */
  constructor(_request: Request, flow: Flow, clock: Clock, timing: Timing, forget: () => void) {
    super(TABLE, 'trying', clock);
    this.flow = flow;
    this.#timing = timing;
    this.#forget = forget;
  }

  /** Sends a response; a final one is kept for retransmitted requests until timer J. */
  respond(response: Response): void {
    this.#last = response.toBuffer();
    this.input(response.status < 200 ? 'provisional' : 'final');
  }

  /** A retransmission of the request. */
  receive(_request: Request): void {
    this.input('request');
  }

  /** Gives up at once, reporting nothing: for a user agent that closes. */
  abandon(): void {
    this.cancelTimers();
    this.state = 'terminated';
    this.#forget();
  }

  protected perform(action: Action): void {
    switch (action) {
      case 'send':
      case 'resend':
        return this.flow.send(this.#last!, () => this.input('transportError'));
      case 'absorbRetransmits':
        return this.setTimer('timerJ', this.flow.isReliable ? 0 : giveUpMs(this.#timing));
      case 'forget':
        return this.#forget();
    }
  }
}
