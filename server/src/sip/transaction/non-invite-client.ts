import type { Clock } from '#kernel/clock.ts';
import type { Request, Response } from '../message/message.ts';
import type { Flow } from '../transport/flow.ts';
import type { ClientUser } from './client-user.ts';
import { Machine, type Table } from './machine.ts';
import { type Timing, giveUpMs } from './timing.ts';

type State = 'trying' | 'proceeding' | 'completed' | 'terminated';
type Input = 'provisional' | 'final' | 'timerE' | 'timerF' | 'timerK' | 'transportError';
type Action =
  'passUp' | 'resend' | 'resendSlowly' | 'absorbRetransmits' | 'reportTimeout' | 'reportTransportError' | 'forget';

/** The client transaction of everything but INVITE: RFC 3261 §17.1.2, figure 6. Timer F runs on from trying to proceeding. */
const TABLE: Table<State, Input, Action> = {
  trying: {
    provisional: ['proceeding', 'passUp', 'resendSlowly'],
    final: ['completed', 'passUp', 'absorbRetransmits'],
    timerE: ['trying', 'resend'],
    timerF: ['terminated', 'reportTimeout', 'forget'],
    transportError: ['terminated', 'reportTransportError', 'forget'],
  },
  proceeding: {
    provisional: ['proceeding', 'passUp'],
    final: ['completed', 'passUp', 'absorbRetransmits'],
    timerE: ['proceeding', 'resend'],
    timerF: ['terminated', 'reportTimeout', 'forget'],
    transportError: ['terminated', 'reportTransportError', 'forget'],
  },
  completed: {
    timerK: ['terminated', 'forget'],
  },
  terminated: {},
};

export class NonInviteClientTransaction extends Machine<State, Input, Action> {
  readonly request: Request;
  readonly flow: Flow;
  readonly #user: ClientUser;
  readonly #timing: Timing;
  readonly #forget: () => void;
  readonly #bytes: Buffer;
  readonly #giveUpAtMs: number;
  #intervalMs: number;
  #response: Response | undefined;
  #failure = '';

  constructor(request: Request, flow: Flow, user: ClientUser, clock: Clock, timing: Timing, forget: () => void) {
    super(TABLE, 'trying', clock);
    this.request = request;
    this.flow = flow;
    this.#user = user;
    this.#timing = timing;
    this.#forget = forget;
    this.#bytes = request.toBuffer();
    this.#intervalMs = timing.t1;
    this.#giveUpAtMs = clock.monotonic() + giveUpMs(timing);
  }

  /** Sends the request and starts timers E and F. */
  start(): void {
    this.setTimer('timerF', giveUpMs(this.#timing));
    if (!this.flow.isReliable) this.setTimer('timerE', this.#intervalMs);
    this.#send();
  }

  receive(response: Response): void {
    this.#response = response;
    this.input(response.status < 200 ? 'provisional' : 'final');
  }

  /** Gives up at once. Reports nothing, or with `why` a transport error when no final response has come. */
  abandon(why?: string): void {
    const isOpen = this.state === 'trying' || this.state === 'proceeding';
    this.cancelTimers();
    this.state = 'terminated';
    this.#forget();
    if (why !== undefined && isOpen) this.#user.onTransportError(why);
  }

  protected perform(action: Action): void {
    switch (action) {
      case 'passUp':
        return this.#user.onResponse(this.#response!);
      case 'resend':
        this.#intervalMs =
          this.state === 'proceeding' ? this.#timing.t2 : Math.min(this.#intervalMs * 2, this.#timing.t2);
        this.setTimer('timerE', this.#intervalMs);
        return this.#send();
      case 'resendSlowly':
        this.setTimer('timerF', this.#giveUpAtMs - this.clock.monotonic());
        if (!this.flow.isReliable) this.setTimer('timerE', this.#timing.t2);
        return;
      case 'absorbRetransmits':
        return this.setTimer('timerK', this.flow.isReliable ? 0 : this.#timing.t4);
      case 'reportTimeout':
        return this.#user.onTimeout();
      case 'reportTransportError':
        return this.#user.onTransportError(this.#failure);
      case 'forget':
        return this.#forget();
    }
  }

  #send(): void {
    this.flow.send(this.#bytes, (why) => {
      this.#failure = why;
      this.input('transportError');
    });
  }
}
