import type { Clock } from '#kernel/clock.ts';
import type { Response } from '../message/message.ts';
import type { Flow } from '../transport/flow.ts';
import { Machine, type Table } from './machine.ts';

type State = 'trying' | 'proceeding' | 'terminated';
type Input = 'request' | 'provisional' | 'final' | 'transportError';
type Action = 'send' | 'resend' | 'handOver' | 'forget';

/**
 * The server transaction of everything but INVITE: RFC 3261 §17.2.2, figure 8, up to its final answer. The state
 * "completed", which only repeats that answer until timer J, is kept by `SentAnswers`.
 */
const TABLE: Table<State, Input, Action> = {
  trying: {
    provisional: ['proceeding', 'send'],
    final: ['terminated', 'send', 'handOver'],
  },
  proceeding: {
    request: ['proceeding', 'resend'],
    provisional: ['proceeding', 'send'],
    final: ['terminated', 'send', 'handOver'],
    transportError: ['terminated', 'forget'],
  },
  terminated: {},
};

export class NonInviteServerTransaction extends Machine<State, Input, Action> {
  /** The way responses go. */
  readonly flow: Flow;
  /** Called once when it ends; with the final answer, when there is one. */
  readonly #ended: (answer?: Buffer) => void;
  #last: Buffer | undefined;

  constructor(flow: Flow, clock: Clock, ended: (answer?: Buffer) => void) {
    super(TABLE, 'trying', clock);
    this.flow = flow;
    this.#ended = ended;
  }

  /** Sends a response; a final one ends the transaction. */
  respond(response: Response): void {
    if (this.state === 'terminated') return;
    this.#last = response.toBuffer();
    this.input(response.status < 200 ? 'provisional' : 'final');
  }

  /** A retransmission of the request. */
  receive(): void {
    this.input('request');
  }

  /** Gives up at once, reporting nothing: for a user agent that closes. */
  abandon(): void {
    this.state = 'terminated';
    this.#ended();
  }

  protected perform(action: Action): void {
    switch (action) {
      case 'send':
      case 'resend':
        return this.flow.send(this.#last!, () => this.input('transportError'));
      case 'handOver':
        return this.#ended(this.#last);
      case 'forget':
        return this.#ended();
    }
  }
}
