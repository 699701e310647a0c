import type { Clock } from '#kernel/clock.ts';
import type { Request, Response } from '../message/message.ts';
import type { Flow } from '../transport/flow.ts';
import { Machine, type Table } from './machine.ts';
import { type Timing, giveUpMs } from './timing.ts';

type State = 'proceeding' | 'accepted' | 'completed' | 'confirmed' | 'terminated';
type Input =
  | 'invite'
  | 'ack'
  | 'provisional'
  | 'success'
  | 'failure'
  | 'timerG'
  | 'timerH'
  | 'timerI'
  | 'timerL'
  | 'transportError';
type Action =
  'send' | 'resend' | 'awaitAck' | 'absorbAcks' | 'absorbInvites' | 'reportNoAck' | 'reportTransportError' | 'forget';

/**
 * The INVITE server transaction: RFC 3261 §17.2.1, figure 7, as amended by RFC 6026 §7.1: a 2xx leads to "accepted",
 * where retransmitted INVITEs are absorbed while the session resends the 2xx until its own ACK comes.
 */
const TABLE: Table<State, Input, Action> = {
  proceeding: {
    invite: ['proceeding', 'resend'],
    provisional: ['proceeding', 'send'],
    success: ['accepted', 'send', 'absorbInvites'],
    failure: ['completed', 'send', 'awaitAck'],
    transportError: ['terminated', 'reportTransportError', 'forget'],
  },
  accepted: {
    success: ['accepted', 'send'],
    timerL: ['terminated', 'forget'],
  },
  completed: {
    invite: ['completed', 'resend'],
    timerG: ['completed', 'resend', 'awaitAck'],
    timerH: ['terminated', 'reportNoAck', 'forget'],
    ack: ['confirmed', 'absorbAcks'],
    transportError: ['terminated', 'reportTransportError', 'forget'],
  },
  confirmed: {
    timerI: ['terminated', 'forget'],
  },
  terminated: {},
};

/** Whoever an INVITE server transaction reports to. */
interface InviteServerUser {
  /** The final response of 300 and above was never acknowledged. */
  onNoAck?(): void;
  onTransportError?(why: string): void;
}

export class InviteServerTransaction extends Machine<State, Input, Action> {
  readonly request: Request;
  /** The way responses go. */
  readonly flow: Flow;
  user: InviteServerUser = {};
  /** Called when the transaction is no more. */
  onForgotten: () => void = () => {};
  readonly #timing: Timing;
  readonly #forget: () => void;
  #last: Buffer | undefined;
  #intervalMs: number;
  #giveUpAtMs = 0;
  #failure = '';

  constructor(request: Request, flow: Flow, clock: Clock, timing: Timing, forget: () => void) {
    super(TABLE, 'proceeding', clock);
    this.request = request;
    this.flow = flow;
    this.#timing = timing;
    this.#forget = () => {
      forget();
      this.onForgotten();
    };
    this.#intervalMs = timing.t1;
  }

  /** Sends a response; the machine sends it again as the RFC asks, but for a 2xx, which its session repeats. */
  respond(response: Response): void {
    this.#last = response.toBuffer();
    this.input(response.status < 200 ? 'provisional' : response.status < 300 ? 'success' : 'failure');
  }

  /** A retransmission of the INVITE, or the ACK for a final response of 300 and above. */
  receive(request: Request): void {
    this.input(request.method === 'ACK' ? 'ack' : 'invite');
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
        if (this.#last)
          this.flow.send(this.#last, (why) => {
            this.#failure = why;
            this.input('transportError');
          });
        return;
      case 'awaitAck': {
        const now = this.clock.monotonic();
        if (this.#giveUpAtMs === 0) {
          this.#giveUpAtMs = now + giveUpMs(this.#timing);
          this.setTimer('timerH', giveUpMs(this.#timing));
        } else this.#intervalMs = Math.min(this.#intervalMs * 2, this.#timing.t2);
        if (!this.flow.isReliable) this.setTimer('timerG', this.#intervalMs);
        return;
      }
      case 'absorbAcks':
        return this.setTimer('timerI', this.flow.isReliable ? 0 : this.#timing.t4);
      case 'absorbInvites':
        return this.setTimer('timerL', giveUpMs(this.#timing));
      case 'reportNoAck':
        return this.user.onNoAck?.();
      case 'reportTransportError':
        return this.user.onTransportError?.(this.#failure);
      case 'forget':
        return this.#forget();
    }
  }
}
