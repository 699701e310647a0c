import type { Chance } from '#kernel/chance.ts';
import type { Clock } from '#kernel/clock.ts';
import type { Log } from '#kernel/log.ts';
import type { Request } from '../message/message.ts';
import { Response, type SipMessage } from '../message/message.ts';
import { BRANCH_COOKIE } from '../message/via.ts';
import type { Address, Flow } from '../transport/flow.ts';
import type { SipTransport } from '../transport/sip-transport.ts';
import type { ClientUser } from './client-user.ts';
import { InviteClientTransaction } from './invite-client.ts';
import { InviteServerTransaction } from './invite-server.ts';
import { NonInviteClientTransaction } from './non-invite-client.ts';
import { NonInviteServerTransaction } from './non-invite-server.ts';
import { SentAnswers } from './sent-answers.ts';
import { TIMING, type Timing, giveUpMs } from './timing.ts';

export type ClientTransaction = InviteClientTransaction | NonInviteClientTransaction;
export type ServerTransaction = InviteServerTransaction | NonInviteServerTransaction;

/** The user agent core above the transactions (RFC 3261 §8). */
interface TransactionUser {
  /** A new request other than ACK; exactly one final response is owed through the transaction. */
  onRequest(request: Request, transaction: ServerTransaction, flow: Flow): void;
  /** An ACK that belongs to no transaction: it acknowledges a 2xx and goes to its dialog. */
  onAck(ack: Request, flow: Flow): void;
  /** A final answer to an INVITE that no transaction of ours has sent (RFC 3261 §18.1.2). */
  onStrayAnswer?(response: Response, flow: Flow): void;
  /**
   * May answer a new request without a transaction (RFC 3261 §8.2.7), when the answer can be made again for each
   * retransmission at no cost, or leave one of a flood without any. Returns undefined for all others.
   */
  answerStateless?(request: Request, flow: Flow): Response | 'nothing' | undefined;
}

/** Server transactions at a time; a request beyond is answered 503 and leaves no trace. */
const SERVER_TRANSACTIONS_LIMIT = 100_000;

/** Matches messages to transactions (RFC 3261 §17.1.3, §17.2.3) and makes new ones. */
export class TransactionLayer implements AsyncDisposable {
  readonly #transport: SipTransport;
  readonly #clock: Clock;
  readonly #chance: Chance;
  readonly #log: Log;
  readonly #timing: Timing;
  readonly #user: TransactionUser;
  readonly #clients = new Map<string, ClientTransaction>();
  readonly #servers = new Map<string, ServerTransaction>();
  readonly #answered: SentAnswers;
  #isClosed = false;

  constructor(options: {
    transport: SipTransport;
    clock: Clock;
    chance: Chance;
    log: Log;
    user: TransactionUser;
    timing?: Timing;
  }) {
    this.#transport = options.transport;
    this.#clock = options.clock;
    this.#chance = options.chance;
    this.#log = options.log;
    this.#user = options.user;
    this.#timing = options.timing ?? TIMING;
    this.#answered = new SentAnswers(options.clock, giveUpMs(this.#timing));
    this.#transport.deliverTo((message, flow) => this.#receive(message, flow));
  }

  get timing(): Timing {
    return this.#timing;
  }

  /** The address for Via and Contact of a peer over `flow`. */
  addressFor(flow: Flow): Address {
    return this.#transport.addressFor(flow);
  }

  /** Puts a Via on top and sends the request in a new client transaction. */
  send(request: Request, flow: Flow, user: ClientUser): ClientTransaction {
    const branch = this.#addVia(request, flow);
    const key = `${branch}|${request.method}`;
    const forget = () => this.#clients.delete(key);
    const parts = [request, flow, user, this.#clock, this.#timing, forget] as const;
    const transaction =
      request.method === 'INVITE' ? new InviteClientTransaction(...parts) : new NonInviteClientTransaction(...parts);
    this.#clients.set(key, transaction);
    // What comes too late, on the heels of what was abandoned at the close, fails like it.
    if (this.#isClosed) queueMicrotask(() => transaction.abandon('the user agent closes'));
    else transaction.start();
    return transaction;
  }

  /** Takes up an INVITE of ours that has been ringing since before this process began: what answers it finds us. */
  takeUpClient(request: Request, flow: Flow, user: ClientUser): InviteClientTransaction {
    const key = `${request.via.params.get('branch')}|INVITE`;
    const forget = () => this.#clients.delete(key);
    const transaction = new InviteClientTransaction(request, flow, user, this.#clock, this.#timing, forget, true);
    this.#clients.set(key, transaction);
    return transaction;
  }

  /** Takes up an INVITE that has been waiting for our answer since before this process began. */
  takeUpServer(request: Request, flow: Flow): InviteServerTransaction {
    const key = serverKey(request, 'INVITE');
    const transaction = this.#newInviteServer(key, request, this.#replyFlow(request, flow));
    this.#servers.set(key, transaction);
    return transaction;
  }

  /** Sends the CANCEL of an INVITE; it carries the INVITE's own Via (RFC 3261 §9.1). */
  sendCancel(cancel: Request, invite: InviteClientTransaction, user: ClientUser): void {
    cancel.prepend('Via', invite.request.list('Via')[0]!);
    const key = `${cancel.via.params.get('branch')}|CANCEL`;
    if (this.#clients.has(key)) return;
    const forget = () => this.#clients.delete(key);
    const transaction = new NonInviteClientTransaction(cancel, invite.flow, user, this.#clock, this.#timing, forget);
    this.#clients.set(key, transaction);
    transaction.start();
  }

  /** Sends the ACK of a 2xx, which is a transaction of nobody's (RFC 3261 §13.2.2.4). */
  sendAck(ack: Request, flow: Flow): void {
    this.#addVia(ack, flow);
    flow.send(ack.toBuffer());
  }

  /** The INVITE that a CANCEL means, while its transaction is there. */
  inviteMeantBy(cancel: Request): InviteServerTransaction | undefined {
    const found = this.#servers.get(serverKey(cancel, 'INVITE'));
    return found instanceof InviteServerTransaction ? found : undefined;
  }

  snapshot(): { clientTransactions: number; serverTransactions: number } {
    return { clientTransactions: this.#clients.size, serverTransactions: this.#servers.size + this.#answered.size };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    this.#transport.deliverTo(() => {});
    for (const transaction of [...this.#servers.values()]) transaction.abandon();
    for (const transaction of [...this.#clients.values()]) transaction.abandon('the user agent closes');
    this.#answered.clear();
  }

  #addVia(request: Request, flow: Flow): string {
    const branch = `${BRANCH_COOKIE}${this.#chance.token(9)}`;
    const { host, port } = this.#transport.addressFor(flow);
    const transport = flow.isSecureWebSocket ? 'WSS' : flow.transport.toUpperCase();
    request.prepend('Via', `SIP/2.0/${transport} ${host}:${port};branch=${branch};rport`);
    return branch;
  }

  #receive(message: SipMessage, flow: Flow): void {
    if (message instanceof Response) this.#receiveResponse(message, flow);
    else this.#receiveRequest(message, flow);
  }

  #receiveResponse(response: Response, flow: Flow): void {
    // More than one Via means that the response is somebody else's (RFC 3261 §8.1.3.3; RFC 4475 §3.3.9).
    if (response.list('Via').length !== 1) return;
    const transaction = this.#clients.get(`${response.via.params.get('branch')}|${response.cseq.method}`);
    if (transaction) transaction.receive(response);
    else this.#user.onStrayAnswer?.(response, flow);
  }

  #receiveRequest(request: Request, flow: Flow): void {
    const key = serverKey(request, request.method === 'ACK' ? 'INVITE' : request.method);
    const present = this.#servers.get(key);
    if (request.method === 'ACK') {
      // In the accepted state the ACK is for the 2xx, so it has a branch of its own; old peers reuse the INVITE's.
      if (present && present.state !== 'accepted') present.receive(request);
      else this.#user.onAck(request, flow);
      return;
    }
    if (present) return present.receive(request);
    if (this.#answered.sendAgain(key)) return;
    const reply = this.#replyFlow(request, flow);
    const stateless = this.#user.answerStateless?.(request, flow);
    if (stateless === 'nothing') return;
    if (stateless) return reply.send(stateless.toBuffer());
    if (this.#servers.size + this.#answered.size >= SERVER_TRANSACTIONS_LIMIT)
      return reply.send(Response.to(request, 503, { toTag: 'full' }).add('Retry-After', '10').toBuffer());
    const transaction =
      request.method === 'INVITE' ? this.#newInviteServer(key, request, reply) : this.#newServer(key, reply);
    this.#servers.set(key, transaction);
    try {
      this.#user.onRequest(request, transaction, flow);
    } catch (error) {
      // The intake answers for a request that failed here; the transaction must not swallow what comes after.
      transaction.abandon();
      throw error;
    }
    this.#log.debug('SIP request', { method: request.method, callId: request.callId });
  }

  #newInviteServer(key: string, request: Request, reply: Flow): InviteServerTransaction {
    return new InviteServerTransaction(request, reply, this.#clock, this.#timing, () => this.#servers.delete(key));
  }

  #newServer(key: string, reply: Flow): NonInviteServerTransaction {
    return new NonInviteServerTransaction(reply, this.#clock, (answer) => {
      this.#servers.delete(key);
      // Over a reliable transport no request comes twice (RFC 3261 §17.2.2, timer J).
      if (answer && !reply.isReliable) this.#answered.keep(key, answer, reply);
    });
  }

  /** Where responses go: back over a connection; over UDP to the source, at the port RFC 3261 §18.2.2 and RFC 3581 say. */
  #replyFlow(request: Request, flow: Flow): Flow {
    if (flow.transport !== 'udp') return flow;
    const { via } = request;
    if (via.params.has('rport')) return flow;
    const port = via.port ?? 5060;
    return port === flow.remote.port || port === 0
      ? flow
      : (this.#transport.flowTo({ transport: 'udp', host: flow.remote.host, port }) ?? flow);
  }
}

/**
 * What tells server transactions apart. Without the magic cookie, or with nothing after it (RFC 4475 §3.2.1), the fields
 * of RFC 2543 do; To is left out, since the ACK's has a tag that the INVITE's had not.
 */
function serverKey(request: Request, method: string): string {
  const { via } = request;
  const branch = via.params.get('branch');
  const sentBy = `${via.host}:${via.port ?? ''}`;
  if (branch?.startsWith(BRANCH_COOKIE) && branch.length > BRANCH_COOKIE.length) return `${branch}|${sentBy}|${method}`;
  return `2543|${request.callId}|${request.fromTag ?? ''}|${request.cseq.number}|${sentBy}|${branch ?? ''}|${method}`;
}
