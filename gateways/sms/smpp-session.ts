import type { Clock, Timer } from '@tocsin/server/kernel/clock.ts';
import type { Log } from '@tocsin/server/kernel/log.ts';
import { readReceipt, wordOfState, type Receipt } from './receipt.ts';
import type { Delivery, OutgoingPart, QueryOutcome, SmsSession, SubmitOutcome } from './session.ts';
import { nameOfStatus, smpp, type Pdu, type Session } from './smpp-library.ts';
import { addressOf, parametersOf } from './submit.ts';

export const SESSION_LIMITS = {
  /** Connecting and binding together must be done within this time. */
  bindWithinMs: 10_000,
  /** The line is tested after this much silence, and given up when the test is not answered. */
  enquireEveryMs: 15_000,
  enquireWithinMs: 5000,
  /** A submit_sm without an answer after this time is of unknown outcome, and the line is given up. */
  answerWithinMs: 30_000,
  /** deliver_sm in work at the same time; the provider is asked to come again with more. */
  deliversAtOnce: 1000,
} as const;

export interface SmppOptions {
  host: string;
  port: number;
  tls?: boolean;
  systemId: string;
  password: string;
  systemType?: string;
  /** Called with what each deliver_sm brings; the SMSC gets its acknowledgement when the promise resolves, else it sends it again. */
  onDelivery: (delivery: Delivery) => Promise<void>;
  clock: Clock;
  log: Log;
}

/** One bound connection to a short-message centre: SMPP 3.4, transceiver. */
export class SmppSession implements SmsSession {
  /** Resolves with the reason when the connection has ended. */
  readonly ended: Promise<string>;
  readonly #session: Session;
  readonly #options: SmppOptions;
  readonly #pending = new Set<(why: string) => void>();
  readonly #end: (why: string) => void;
  #enquiry: Timer | undefined;
  #isEnded = false;
  #delivers = 0;

  constructor(session: Session, options: SmppOptions) {
    const ended = Promise.withResolvers<string>();
    this.ended = ended.promise;
    this.#session = session;
    this.#options = options;
    this.#end = (why) => {
      if (this.#isEnded) return;
      this.#isEnded = true;
      this.#enquiry?.cancel();
      session.destroy();
      for (const settle of [...this.#pending]) settle(why);
      ended.resolve(why);
    };
    session.on('close', () => this.#end('the connection was closed'));
    session.on('error', (error: Error) => this.#end(error.message || String((error as NodeJS.ErrnoException).code)));
    session.on('pdu', (pdu: Pdu) => this.#receive(pdu));
  }

  /** @throws with the reason in words when the SMSC does not take us. */
  async bind(): Promise<void> {
    const { systemId, password, systemType = '' } = this.#options;
    const pdu = new smpp.PDU('bind_transceiver', {
      system_id: systemId,
      password,
      system_type: systemType,
      interface_version: 0x34,
    });
    const answer = await this.#ask(pdu, SESSION_LIMITS.bindWithinMs);
    if (answer.kind === 'answered' && answer.pdu.command_status === 0) {
      this.#enquiry = this.#options.clock.every(SESSION_LIMITS.enquireEveryMs, () => void this.enquire());
      return;
    }
    const why =
      answer.kind === 'answered' ? `bind refused: ${nameOfStatus(answer.pdu.command_status)}` : answer.because;
    this.#end(why);
    throw new Error(why);
  }

  /** Whether the SMSC answers an enquire_link; ends the connection when it does not. */
  async enquire(): Promise<boolean> {
    const answer = await this.#ask(new smpp.PDU('enquire_link'), SESSION_LIMITS.enquireWithinMs);
    if (answer.kind === 'answered') return true;
    this.#end('the centre does not answer enquire_link');
    return false;
  }

  /** Submits one short message by submit_sm. */
  async submit(part: OutgoingPart): Promise<SubmitOutcome> {
    if (this.#isEnded) return { kind: 'not-sent' };
    const answer = await this.#ask(new smpp.PDU('submit_sm', parametersOf(part)), SESSION_LIMITS.answerWithinMs);
    switch (answer.kind) {
      case 'not-sent':
        return { kind: 'not-sent' };
      case 'unanswered':
        this.#end(answer.because);
        return { kind: 'unknown', because: answer.because };
      case 'answered': {
        const status = answer.pdu.command_status;
        if (status === 0) return { kind: 'accepted', messageId: answer.pdu.message_id ?? '' };
        const word = nameOfStatus(status);
        if (THROTTLING.has(word)) return { kind: 'throttled', word };
        return { kind: 'refused', word, isFinal: !PASSING.has(word) };
      }
    }
  }

  /** Asks by query_sm (§4.8). A centre that does not know the command or the message says so by its status. */
  async query(messageId: string, from: string): Promise<QueryOutcome> {
    const pdu = new smpp.PDU('query_sm', { message_id: messageId, ...addressOf('source', from) });
    const answer = await this.#ask(pdu, SESSION_LIMITS.answerWithinMs);
    if (answer.kind !== 'answered') return { kind: 'not-known', because: answer.because };
    const { command_status, message_state } = answer.pdu;
    if (command_status !== 0) return { kind: 'not-known', because: nameOfStatus(command_status) };
    const state = message_state === undefined ? undefined : wordOfState(message_state);
    return state
      ? { kind: 'known', receipt: { messageId, ...state } }
      : { kind: 'not-known', because: `message_state ${message_state}` };
  }

  async [Symbol.asyncDispose]() {
    if (!this.#isEnded) await this.#ask(new smpp.PDU('unbind'), 1000);
    this.#end('we said good-bye');
  }

  #receive(pdu: Pdu) {
    if (pdu.isResponse()) return;
    switch (pdu.command) {
      case 'deliver_sm':
        return void this.#deliver(pdu);
      case 'enquire_link':
        return void this.#session.send(pdu.response());
      case 'unbind':
        this.#session.send(pdu.response());
        return this.#end('the centre said good-bye');
      case 'outbind':
      case 'alert_notification':
        return;
      default:
        // An unknown command is answered by generic_nack, which the library makes of it (SMPP 3.4 §4.3.1).
        this.#session.send(pdu.response({ command_status: smpp.errors.ESME_RINVCMDID }));
    }
  }

  async #deliver(pdu: Pdu) {
    const isTooMany = this.#delivers >= SESSION_LIMITS.deliversAtOnce;
    this.#delivers += 1;
    try {
      if (isTooMany) throw new Error('too many deliver_sm at the same time');
      const delivery = deliveryOf(pdu);
      if (delivery) await this.#options.onDelivery(delivery);
      this.#session.send(pdu.response());
    } catch (error) {
      this.#options.log.warn('deliver_sm not taken', { error });
      this.#session.send(pdu.response({ command_status: smpp.errors.ESME_RX_T_APPN }));
    } finally {
      this.#delivers -= 1;
    }
  }

  #ask(
    pdu: Pdu,
    withinMs: number,
  ): Promise<
    { kind: 'answered'; pdu: Pdu } | { kind: 'unanswered'; because: string } | { kind: 'not-sent'; because: string }
  > {
    return new Promise((resolve) => {
      if (this.#isEnded) return resolve({ kind: 'not-sent', because: 'the connection has ended' });
      const settle = (outcome: Parameters<typeof resolve>[0]) => {
        timer.cancel();
        this.#pending.delete(lost);
        resolve(outcome);
      };
      const lost = (why: string) => settle({ kind: 'unanswered', because: why });
      const timer = this.#options.clock.after(withinMs, () => lost(`no answer within ${withinMs / 1000} s`));
      this.#pending.add(lost);
      const isWritten = this.#session.send(pdu, (answer) => settle({ kind: 'answered', pdu: answer }));
      if (!isWritten) settle({ kind: 'not-sent', because: 'the connection does not take more' });
    });
  }
}

/** Connects and binds. @throws with the reason in words. */
export async function openSmppSession(options: SmppOptions): Promise<SmppSession> {
  const session = smpp.connect({ host: options.host, port: options.port, ...(options.tls && { tls: true }) });
  const bound = new SmppSession(session, options);
  const connected = Promise.withResolvers<void>();
  session.once(options.tls ? 'secureConnect' : 'connect', () => connected.resolve());
  void bound.ended.then((why) => connected.reject(new Error(why)));
  const timer = options.clock.after(SESSION_LIMITS.bindWithinMs, () => session.destroy());
  try {
    await connected.promise;
  } finally {
    timer.cancel();
  }
  session.socket.setNoDelay(true);
  await bound.bind();
  return bound;
}

/** What a deliver_sm brings; undefined for a receipt that says nothing. */
function deliveryOf(pdu: Pdu): Delivery | undefined {
  const octets = (pdu.short_message?.length ? pdu.short_message : pdu.message_payload) ?? Buffer.alloc(0);
  const from = pdu.source_addr ?? '';
  // Message type bits of esm_class: SMPP 3.4 §5.2.12. Some centres set none and send the parameters only.
  const isReceipt = ((pdu.esm_class ?? 0) & 0x3c) === 0x04 || pdu.receipted_message_id !== undefined;
  if (!isReceipt)
    return {
      kind: 'text',
      part: {
        from,
        to: pdu.destination_addr ?? '',
        octets,
        dataCoding: pdu.data_coding ?? 0,
        hasHeader: ((pdu.esm_class ?? 0) & 0x40) !== 0,
      },
    };
  const receipt: Receipt | undefined = readReceipt({
    text: octets.toString('latin1'),
    ...(pdu.receipted_message_id !== undefined && { receiptedMessageId: pdu.receipted_message_id }),
    ...(pdu.message_state !== undefined && { messageState: pdu.message_state }),
  });
  if (!receipt) return undefined;
  const userReference = pdu.user_message_reference;
  return { kind: 'receipt', receipt, recipient: from, ...(userReference !== undefined && { userReference }) };
}

/** "Slower, please." */
const THROTTLING = new Set(['ESME_RTHROTTLED', 'ESME_RMSGQFUL']);
/** May be over soon, or be different at another provider. */
const PASSING = new Set([
  'ESME_RSYSERR',
  'ESME_RSUBMITFAIL',
  'ESME_RX_T_APPN',
  'ESME_RINVBNDSTS',
  'ESME_RDELIVERYFAILURE',
  'ESME_RUNKNOWNERR',
  'ESME_RSERTYPUNAVAIL',
]);
