import { connect, type Socket } from 'node:net';
import type { Clock, Timer } from '@tocsin/server/kernel/clock.ts';
import type { Log } from '@tocsin/server/kernel/log.ts';
import {
  CmppFrames,
  proofOfGateway,
  proofOfSender,
  readCmpp,
  readReport,
  timestampOf,
  versionByte,
  writeCmpp,
  type CmppPdu,
  type CmppVersion,
  type NumberedPdu,
} from './cmpp.ts';
import { stateOf } from './receipt.ts';
import type { Delivery, OutgoingPart, QueryOutcome, SmsSession, SubmitOutcome } from './session.ts';

export const CMPP_SESSION_LIMITS = {
  connectWithinMs: 10_000,
  /** The line is tested after this much silence (the specification's C is 180 s), and given up when the test is not answered. */
  testEveryMs: 30_000,
  testWithinMs: 10_000,
  /** The specification's T: a SUBMIT without an answer after this time is of unknown outcome, and the line is given up. */
  answerWithinMs: 60_000,
  /** DELIVERs in work at the same time; one more is answered "busy" and comes again. */
  deliversAtOnce: 1000,
} as const;

export interface CmppOptions {
  host: string;
  port: number;
  version: CmppVersion;
  /** SP_Id, at most 6 characters. */
  systemId: string;
  /** The shared secret. */
  password: string;
  /** Service_Id, at most 10 characters. */
  serviceId: string;
  onDelivery: (delivery: Delivery) => Promise<void>;
  clock: Clock;
  log: Log;
}

type Answer =
  | { kind: 'answered'; pdu: NumberedPdu }
  | { kind: 'unanswered'; because: string }
  | { kind: 'not-sent'; because: string };

/** One connection to a CMPP gateway, for both directions. */
export class CmppSession implements SmsSession {
  readonly ended: Promise<string>;
  readonly #socket: Socket;
  readonly #options: CmppOptions;
  readonly #frames = new CmppFrames();
  readonly #pending = new Map<number, (answer: Answer) => void>();
  readonly #end: (why: string) => void;
  #sequence = 0;
  #delivers = 0;
  #test: Timer | undefined;
  #isEnded = false;

  /** Use openCmppSession. */
  constructor(socket: Socket, options: CmppOptions) {
    const ended = Promise.withResolvers<string>();
    this.ended = ended.promise;
    this.#socket = socket;
    this.#options = options;
    this.#end = (why) => {
      if (this.#isEnded) return;
      this.#isEnded = true;
      this.#test?.cancel();
      socket.destroy();
      for (const settle of [...this.#pending.values()]) settle({ kind: 'unanswered', because: why });
      ended.resolve(why);
    };
    socket.on('close', () => this.#end('the connection was closed'));
    socket.on('error', (error: NodeJS.ErrnoException) => this.#end(error.message || String(error.code)));
    socket.on('data', (bytes) => this.#take(bytes));
  }

  /** @throws with the reason in words when the gateway does not take us, or does not prove that it knows the secret */
  async login(): Promise<void> {
    const { systemId, password, version, clock } = this.#options;
    const timestamp = timestampOf(clock.now());
    const proof = proofOfSender(systemId, password, timestamp);
    const answer = await this.#ask(
      { command: 'connect', account: systemId, proof, version: versionByte(version), timestamp },
      CMPP_SESSION_LIMITS.connectWithinMs,
    );
    const why = whyNotIn(answer, (status) => proofOfGateway(status, proof, password, version));
    if (why === undefined) {
      this.#test = clock.every(CMPP_SESSION_LIMITS.testEveryMs, () => void this.enquire());
      return;
    }
    this.#end(why);
    throw new Error(why);
  }

  async enquire(): Promise<boolean> {
    const answer = await this.#ask({ command: 'active-test' }, CMPP_SESSION_LIMITS.testWithinMs);
    if (answer.kind === 'answered') return true;
    this.#end('the gateway does not answer ACTIVE_TEST');
    return false;
  }

  async submit(part: OutgoingPart): Promise<SubmitOutcome> {
    if (this.#isEnded) return { kind: 'not-sent' };
    const { systemId, serviceId } = this.#options;
    const answer = await this.#ask(
      {
        command: 'submit',
        partNumber: part.index,
        partTotal: part.total,
        serviceId,
        account: systemId,
        hasHeader: part.hasHeader,
        format: part.dataCoding,
        from: part.from,
        to: part.to.replace(/^\+86|^\+/, ''),
        content: part.octets,
      },
      CMPP_SESSION_LIMITS.answerWithinMs,
    );
    switch (answer.kind) {
      case 'not-sent':
        return { kind: 'not-sent' };
      case 'unanswered':
        this.#end(answer.because);
        return { kind: 'unknown', because: answer.because };
      case 'answered':
        return answer.pdu.command === 'submit-resp'
          ? outcomeOf(answer.pdu)
          : { kind: 'unknown', because: `answered by ${answer.pdu.command}` };
    }
  }

  /** CMPP can only be asked for the day's sums, never for one message. */
  query(): Promise<QueryOutcome> {
    return Promise.resolve({ kind: 'not-known', because: 'CMPP has no query for a message' });
  }

  async [Symbol.asyncDispose]() {
    if (!this.#isEnded) await this.#ask({ command: 'terminate' }, 1000);
    this.#end('we said good-bye');
  }

  #take(bytes: Buffer) {
    const packets = this.#frames.take(bytes);
    if (!packets) return this.#end('what came is not CMPP');
    for (const packet of packets) {
      const pdu = readCmpp(packet, this.#options.version);
      if (!pdu) {
        this.#options.log.warn('CMPP packet not understood', { bytes: packet.length });
        continue;
      }
      this.#receive(pdu);
    }
  }

  #receive(pdu: NumberedPdu) {
    switch (pdu.command) {
      case 'active-test':
        return this.#send({ command: 'active-test-resp', sequence: pdu.sequence });
      case 'terminate':
        this.#send({ command: 'terminate-resp', sequence: pdu.sequence });
        return this.#end('the gateway said good-bye');
      case 'deliver':
        return void this.#deliver(pdu);
      case 'connect-resp':
      case 'submit-resp':
      case 'active-test-resp':
      case 'terminate-resp':
        return this.#pending.get(pdu.sequence)?.({ kind: 'answered', pdu });
      case 'connect':
      case 'submit':
      case 'deliver-resp':
        return;
    }
  }

  async #deliver(pdu: Extract<NumberedPdu, { command: 'deliver' }>) {
    const isTooMany = this.#delivers >= CMPP_SESSION_LIMITS.deliversAtOnce;
    this.#delivers += 1;
    const answer = (result: number) =>
      this.#send({ command: 'deliver-resp', messageId: pdu.messageId, result, sequence: pdu.sequence });
    try {
      if (isTooMany) throw new Error('too many DELIVERs at the same time');
      const delivery = deliveryOf(pdu, this.#options.version);
      if (delivery) await this.#options.onDelivery(delivery);
      answer(0);
    } catch (error) {
      this.#options.log.warn('DELIVER not taken', { error });
      // 8: flow control; the gateway brings it again.
      answer(8);
    } finally {
      this.#delivers -= 1;
    }
  }

  #send(pdu: NumberedPdu): boolean {
    if (this.#isEnded) return false;
    this.#socket.write(writeCmpp(pdu, this.#options.version));
    return true;
  }

  #ask(pdu: CmppPdu, withinMs: number): Promise<Answer> {
    return new Promise((resolve) => {
      if (this.#isEnded) return resolve({ kind: 'not-sent', because: 'the connection has ended' });
      this.#sequence = (this.#sequence + 1) >>> 0;
      const sequence = this.#sequence;
      const settle = (answer: Answer) => {
        timer.cancel();
        this.#pending.delete(sequence);
        resolve(answer);
      };
      const timer = this.#options.clock.after(withinMs, () =>
        settle({ kind: 'unanswered', because: `no answer within ${withinMs / 1000} s` }),
      );
      this.#pending.set(sequence, settle);
      this.#send({ ...pdu, sequence });
    });
  }
}

/** Connects and logs in. @throws with the reason in words */
export async function openCmppSession(options: CmppOptions): Promise<CmppSession> {
  const socket = connect({ host: options.host, port: options.port, noDelay: true });
  const session = new CmppSession(socket, options);
  const connected = Promise.withResolvers<void>();
  socket.once('connect', () => connected.resolve());
  void session.ended.then((why) => connected.reject(new Error(why)));
  const timer = options.clock.after(CMPP_SESSION_LIMITS.connectWithinMs, () => socket.destroy());
  try {
    await connected.promise;
  } finally {
    timer.cancel();
  }
  await session.login();
  return session;
}

/** CONNECT_RESP's Status. */
const STATUS_WORDS = ['ok', 'message structure', 'unknown source address', 'authentication failed', 'version too high'];

function whyNotIn(answer: Answer, proofFor: (status: number) => Buffer): string | undefined {
  if (answer.kind !== 'answered') return answer.because;
  if (answer.pdu.command !== 'connect-resp') return `connect answered by ${answer.pdu.command}`;
  const { status, proof } = answer.pdu;
  if (status !== 0) return `connect refused: ${STATUS_WORDS[status] ?? `status ${status}`}`;
  // Some gateways send zeros instead of their proof; a proof that is there must be right.
  if (proof.some((octet) => octet !== 0) && !proof.equals(proofFor(0))) return 'the gateway does not know the secret';
  return undefined;
}

/** SUBMIT_RESP's Result. 8 is flow control; what is below it is wrong with the message, what is above with the account. */
const RESULT_WORDS: Record<number, string> = {
  1: 'message structure',
  2: 'command word',
  3: 'sequence repeated',
  4: 'message length',
  5: 'fee code',
  6: 'longer than allowed',
  7: 'service code',
  8: 'flow control',
  9: 'this gateway does not serve the number',
};
/** May be over soon, or be different at another provider. */
const PASSING = new Set([3, 9, 10, 11, 12, 13]);

function outcomeOf({ result, messageId }: Extract<CmppPdu, { command: 'submit-resp' }>): SubmitOutcome {
  if (result === 0) return { kind: 'accepted', messageId };
  const word = `CMPP result ${result}${RESULT_WORDS[result] ? `, ${RESULT_WORDS[result]}` : ''}`;
  return result === 8 ? { kind: 'throttled', word } : { kind: 'refused', word, isFinal: !PASSING.has(result) };
}

function deliveryOf(pdu: Extract<CmppPdu, { command: 'deliver' }>, version: CmppVersion): Delivery | undefined {
  if (!pdu.isReport) {
    const { from, to, content, format, hasHeader } = pdu;
    // 0 is ASCII here, where SMPP's 0 is the GSM alphabet.
    return { kind: 'text', part: { from, to, octets: content, dataCoding: format === 0 ? 1 : format, hasHeader } };
  }
  const report = readReport(pdu.content, version);
  if (!report) return undefined;
  const { messageId, word, recipient } = report;
  // Networks have words of their own (MK:0013, IB:0072 …), all of which mean that it did not arrive.
  return { kind: 'receipt', receipt: { messageId, word, state: stateOf(word) ?? 'failed' }, recipient };
}
