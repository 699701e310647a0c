import type { Clock } from '#kernel/clock.ts';
import { Request, type Response } from '../message/message.ts';
import type { Flow } from '../transport/flow.ts';
import type { ClientUser } from './client-user.ts';
import { Machine, type Table } from './machine.ts';
import { TIMER_D_MS, type Timing, giveUpMs } from './timing.ts';

type State = 'calling' | 'proceeding' | 'completed' | 'accepted' | 'terminated';
type Input = 'provisional' | 'success' | 'failure' | 'timerA' | 'timerB' | 'timerD' | 'timerM' | 'transportError';
type Action =
  | 'passUp'
  | 'resend'
  | 'ack'
  | 'awaitMore2xx'
  | 'absorbRetransmits'
  | 'reportTimeout'
  | 'reportTransportError'
  | 'forget';

/** The INVITE client transaction: RFC 3261 §17.1.1, figure 5, as amended by RFC 6026 §7.2. */
const TABLE: Table<State, Input, Action> = {
  calling: {
    provisional: ['proceeding', 'passUp'],
    success: ['accepted', 'passUp', 'awaitMore2xx'],
    failure: ['completed', 'ack', 'passUp', 'absorbRetransmits'],
    timerA: ['calling', 'resend'],
    timerB: ['terminated', 'reportTimeout', 'forget'],
    transportError: ['terminated', 'reportTransportError', 'forget'],
  },
  proceeding: {
    provisional: ['proceeding', 'passUp'],
    success: ['accepted', 'passUp', 'awaitMore2xx'],
    failure: ['completed', 'ack', 'passUp', 'absorbRetransmits'],
  },
  accepted: {
    success: ['accepted', 'passUp'],
    timerM: ['terminated', 'forget'],
  },
  completed: {
    failure: ['completed', 'ack'],
    timerD: ['terminated', 'forget'],
    transportError: ['terminated', 'reportTransportError', 'forget'],
  },
  terminated: {},
};

export class InviteClientTransaction extends Machine<State, Input, Action> {
  readonly request: Request;
  readonly flow: Flow;
  readonly #user: ClientUser;
  readonly #timing: Timing;
  readonly #forget: () => void;
  readonly #bytes: Buffer;
  #intervalMs: number;
  #response: Response | undefined;
  #ack: Buffer | undefined;
  #failure = '';

  /** `rings`: the INVITE was sent, and answered provisionally, before this process began. */
  constructor(
    request: Request,
    flow: Flow,
    user: ClientUser,
    clock: Clock,
    timing: Timing,
    forget: () => void,
    rings = false,
  ) {
    super(TABLE, rings ? 'proceeding' : 'calling', clock);
    this.request = request;
    this.flow = flow;
    this.#user = user;
    this.#timing = timing;
    this.#forget = forget;
    this.#bytes = request.toBuffer();
    this.#intervalMs = timing.t1;
  }

  /** Sends the INVITE and starts timers A and B. */
  start(): void {
    if (!this.flow.isReliable) this.setTimer('timerA', this.#intervalMs);
    this.setTimer('timerB', giveUpMs(this.#timing));
    this.#send(this.#bytes);
  }

  receive(response: Response): void {
    this.#response = response;
    this.input(response.status < 200 ? 'provisional' : response.status < 300 ? 'success' : 'failure');
  }

  /** Gives up at once. Reports nothing, or with `why` a transport error when no final response has come. */
  abandon(why?: string): void {
    const isOpen = this.state === 'calling' || this.state === 'proceeding';
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
        this.#intervalMs *= 2;
        this.setTimer('timerA', this.#intervalMs);
        return this.#send(this.#bytes);
      case 'ack':
        this.#ack ??= ackFor(this.request, this.#response!).toBuffer();
        return this.#send(this.#ack);
      case 'awaitMore2xx':
        return this.setTimer('timerM', giveUpMs(this.#timing));
      case 'absorbRetransmits':
        return this.setTimer('timerD', this.flow.isReliable ? 0 : TIMER_D_MS);
      case 'reportTimeout':
        return this.#user.onTimeout();
      case 'reportTransportError':
        return this.#user.onTransportError(this.#failure);
      case 'forget':
        return this.#forget();
    }
  }

  #send(bytes: Buffer): void {
    this.flow.send(bytes, (why) => {
      this.#failure = why;
      this.input('transportError');
    });
  }
}

/** The ACK for a response that is no 2xx, which belongs to the transaction (RFC 3261 §17.1.1.3). */
function ackFor(invite: Request, response: Response): Request {
  const ack = new Request('ACK', invite.requestUri);
  ack.add('Via', invite.list('Via')[0]!);
  ack.add('Max-Forwards', '70');
  for (const route of invite.all('Route')) ack.add('Route', route);
  ack.add('From', invite.get('From')!).add('To', response.get('To')!).add('Call-ID', invite.callId);
  return ack.add('CSeq', `${invite.cseq.number} ACK`);
}
