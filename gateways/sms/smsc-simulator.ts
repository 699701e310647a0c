import { appendFileSync, mkdirSync } from 'node:fs';
import type { AddressInfo, Server } from 'node:net';
import { dirname } from 'node:path';
import type { Chance } from '@tocsin/server/kernel/chance.ts';
import type { Clock } from '@tocsin/server/kernel/clock.ts';
import { decodeText } from './alphabet.ts';
import { cutIntoSegments, readUserDataHeader } from './segments.ts';
import { smpp, type Pdu, type Session } from './smpp-library.ts';

/** How the centre behaves; each can be changed while it runs. */
export interface SmscBehaviour {
  /** Before the answer to a submit_sm. */
  answerAfterMs: number;
  /** Between the answer and the receipt. */
  receiptAfterMs: number;
  /** The receipt's word for these numbers, DELIVRD for all others. */
  words: Record<string, string>;
  /** 0-1: receipts that are never sent. */
  loseReceipts: number;
  duplicateReceipts: boolean;
  /** Submissions of one second above this number are answered with ESME_RTHROTTLED. */
  throttleAbovePerS: number;
  /** Every submit_sm is answered with this status; 0 = taken. */
  refuseWith: number;
  /** The connection is cut instead of answering the n-th submission from now; 0 = never. */
  cutAtSubmit: number;
  /** What query_sm is answered: the state that the receipt would have told, that it is still on its way, or "no such command". */
  query: 'knows' | 'under-way' | 'refuses';
  /** Receipts give the id in decimal where submit_sm_resp gave it in hexadecimal, as some real centres do. */
  receiptIdInDecimal: boolean;
}

export interface Submit {
  messageId: string;
  from: string;
  to: string;
  text: string;
  dataCoding: number;
  part?: { reference: number; total: number; index: number };
  atMs: number;
  outcome: 'accepted' | 'throttled' | 'refused' | 'cut';
}

export const SMSC_LIMITS = {
  /** Submits kept in memory for `submits`; the file has all. */
  submitsKept: 20_000,
  /** Receipts that wait for a bound connection; the oldest are dropped. */
  receiptsWaiting: 50_000,
} as const;

export interface SmscOptions {
  host?: string;
  /** 0 = chosen freely. */
  port?: number;
  /** Who may bind; absent: everyone. */
  systemId?: string;
  password?: string;
  /** Every submit_sm as a line of JSON. */
  submitsFile?: string;
  behaviour?: Partial<SmscBehaviour>;
  clock: Clock;
  chance: Chance;
}

/** A short-message centre on loopback: a real SMPP 3.4 server with receipts, moods and faults. */
export async function openSmscSimulator(options: SmscOptions): Promise<SmscSimulator> {
  if (options.submitsFile) mkdirSync(dirname(options.submitsFile), { recursive: true });
  const simulator = new SmscSimulator(options);
  await simulator.listen(options.port ?? 0);
  return simulator;
}

export class SmscSimulator implements AsyncDisposable {
  readonly host: string;
  port = 0;
  /** What came, oldest first. */
  readonly submits: Submit[] = [];
  readonly #options: SmscOptions;
  readonly #behaviour: SmscBehaviour;
  readonly #server: Server & { sessions: Session[] };
  readonly #bound = new Set<Session>();
  readonly #waiting = new Map<number, { pdu: Record<string, unknown>; session?: Session }>();
  #unsent: number[] = [];
  readonly #counts = {
    binds: 0,
    submits: 0,
    accepted: 0,
    throttled: 0,
    refused: 0,
    cut: 0,
    receiptsSent: 0,
    receiptsAcknowledged: 0,
    receiptsLost: 0,
    queries: 0,
  };
  /** message_state of what was accepted, by message id: SMPP 3.4 §5.2.28. */
  readonly #states = new Map<string, number>();
  #nextId = 0x0a10_0000;
  #nextReceipt = 0;
  #second = { startMs: 0, submits: 0 };
  #isClosed = false;

  /** Use openSmscSimulator. */
  constructor(options: SmscOptions) {
    this.#options = options;
    this.host = options.host ?? '127.0.0.1';
    this.#behaviour = {
      answerAfterMs: 0,
      receiptAfterMs: 500,
      words: {},
      loseReceipts: 0,
      duplicateReceipts: false,
      throttleAbovePerS: Infinity,
      refuseWith: 0,
      cutAtSubmit: 0,
      query: 'knows',
      receiptIdInDecimal: false,
      ...options.behaviour,
    };
    this.#server = smpp.createServer({}, (session) => this.#serve(session));
    // Ids start at the time of day, so that a restarted centre does not give the same ones again.
    this.#nextId += Math.floor(options.clock.now() / 1000) % 0x0100_0000;
  }

  async listen(port: number): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(port, this.host, () => resolve());
    });
    this.port = (this.#server.address() as AddressInfo).port;
  }

  behave(change: Partial<SmscBehaviour>): void {
    Object.assign(this.#behaviour, change);
  }

  counts() {
    return { ...this.#counts, connections: this.#server.sessions.length, receiptsWaiting: this.#waiting.size };
  }

  /** Cuts all connections, as a failing network does. */
  cut(): void {
    for (const session of [...this.#server.sessions]) session.destroy();
  }

  /** A text from a phone to the system. */
  sendText({ from, to, text }: { from: string; to: string; text: string }): void {
    const { dataCoding, parts } = cutIntoSegments(text, this.#nextId & 0xff);
    for (const part of parts)
      this.#deliver({
        source_addr: from,
        destination_addr: to,
        esm_class: parts.length > 1 ? 0x40 : 0,
        data_coding: dataCoding,
        short_message: part,
      });
  }

  async [Symbol.asyncDispose]() {
    this.#isClosed = true;
    this.cut();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #serve(session: Session) {
    session.on('error', () => session.destroy());
    session.on('close', () => {
      this.#bound.delete(session);
      // What was not acknowledged goes out again at the next bind.
      for (const [key, waiting] of this.#waiting) {
        if (waiting.session !== session) continue;
        delete waiting.session;
        this.#unsent.push(key);
      }
    });
    session.on('pdu', (pdu: Pdu) => {
      if (pdu.isResponse()) return;
      switch (pdu.command) {
        case 'bind_transceiver':
        case 'bind_receiver':
        case 'bind_transmitter':
          return this.#bind(session, pdu);
        case 'submit_sm':
          return this.#bound.has(session)
            ? this.#submit(session, pdu)
            : void session.send(pdu.response({ command_status: smpp.errors.ESME_RINVBNDSTS }));
        case 'query_sm':
          return this.#query(session, pdu);
        case 'enquire_link':
          return void session.send(pdu.response());
        case 'unbind':
          session.send(pdu.response());
          return session.close();
        default:
          session.send(pdu.response({ command_status: smpp.errors.ESME_RINVCMDID }));
      }
    });
  }

  #bind(session: Session, pdu: Pdu) {
    const { systemId, password } = this.#options;
    if (systemId !== undefined && pdu.system_id !== systemId)
      return void session.send(pdu.response({ command_status: smpp.errors.ESME_RINVSYSID }));
    if (password !== undefined && pdu.password !== password)
      return void session.send(pdu.response({ command_status: smpp.errors.ESME_RINVPASWD }));
    this.#counts.binds += 1;
    this.#bound.add(session);
    session.send(pdu.response({ system_id: 'tocsin-smsc' }));
    this.#flush();
  }

  #query(session: Session, pdu: Pdu) {
    this.#counts.queries += 1;
    const known = this.#states.get(pdu.message_id ?? '');
    if (this.#behaviour.query === 'refuses')
      return void session.send(pdu.response({ command_status: smpp.errors.ESME_RINVCMDID }));
    if (known === undefined) return void session.send(pdu.response({ command_status: smpp.errors.ESME_RQUERYFAIL }));
    const state = this.#behaviour.query === 'knows' ? known : 1;
    session.send(pdu.response({ message_id: pdu.message_id, final_date: '', message_state: state, error_code: 0 }));
  }

  #submit(session: Session, pdu: Pdu) {
    const { clock } = this.#options;
    const behaviour = this.#behaviour;
    this.#counts.submits += 1;
    const submit = this.#describe(pdu);
    const nowMs = clock.monotonic();
    if (nowMs - this.#second.startMs >= 1000) this.#second = { startMs: nowMs, submits: 0 };
    this.#second.submits += 1;

    if (behaviour.cutAtSubmit > 0 && --behaviour.cutAtSubmit === 0) submit.outcome = 'cut';
    else if (behaviour.refuseWith !== 0) submit.outcome = 'refused';
    else if (this.#second.submits > behaviour.throttleAbovePerS) submit.outcome = 'throttled';
    this.#counts[submit.outcome] += 1;
    this.#write(submit);

    const answer = () => {
      switch (submit.outcome) {
        case 'cut':
          return session.destroy();
        case 'refused':
          return void session.send(pdu.response({ command_status: behaviour.refuseWith }));
        case 'throttled':
          return void session.send(pdu.response({ command_status: smpp.errors.ESME_RTHROTTLED }));
        case 'accepted':
          session.send(pdu.response({ message_id: submit.messageId }));
          if (pdu.registered_delivery) this.#receipt(submit, pdu);
      }
    };
    if (behaviour.answerAfterMs > 0) clock.after(behaviour.answerAfterMs, answer);
    else answer();
  }

  #describe(pdu: Pdu): Submit {
    const octets = (pdu.short_message?.length ? pdu.short_message : pdu.message_payload) ?? Buffer.alloc(0);
    const dataCoding = pdu.data_coding ?? 0;
    const { body, joined } =
      ((pdu.esm_class ?? 0) & 0x40) !== 0 ? readUserDataHeader(octets) : { body: octets, joined: undefined };
    return {
      messageId: (this.#nextId++).toString(16),
      from: pdu.source_addr ?? '',
      to: pdu.destination_addr ?? '',
      text: decodeText(body, dataCoding),
      dataCoding,
      ...(joined && { part: joined }),
      atMs: this.#options.clock.now(),
      outcome: 'accepted',
    };
  }

  #write(submit: Submit) {
    this.submits.push(submit);
    if (this.submits.length > SMSC_LIMITS.submitsKept) this.submits.shift();
    if (this.#options.submitsFile) appendFileSync(this.#options.submitsFile, `${JSON.stringify(submit)}\n`);
  }

  #receipt(submit: Submit, pdu: Pdu) {
    const { clock, chance } = this.#options;
    const { loseReceipts, duplicateReceipts, receiptAfterMs, words, receiptIdInDecimal } = this.#behaviour;
    const word = words[submit.to] ?? 'DELIVRD';
    if (this.#states.size >= SMSC_LIMITS.submitsKept) this.#states.delete(this.#states.keys().next().value!);
    this.#states.set(submit.messageId, word === 'DELIVRD' ? 2 : 5);
    if (loseReceipts > 0 && chance.fraction() < loseReceipts) {
      this.#counts.receiptsLost += 1;
      return;
    }
    const id = receiptIdInDecimal ? String(parseInt(submit.messageId, 16)) : submit.messageId;
    const date = new Date(submit.atMs).toISOString().replace(/\D/g, '').slice(2, 12);
    const delivered = word === 'DELIVRD' ? '001' : '000';
    const text = `id:${id} sub:001 dlvrd:${delivered} submit date:${date} done date:${date} stat:${word} err:${word === 'DELIVRD' ? '000' : '011'} text:${submit.text.replace(/[^\x20-\x7e]/g, '?').slice(0, 20)}`;
    const receipt = {
      source_addr: submit.to,
      destination_addr: submit.from,
      esm_class: 0x04,
      data_coding: 0,
      short_message: Buffer.from(text, 'latin1'),
      ...(pdu.user_message_reference !== undefined && { user_message_reference: pdu.user_message_reference }),
    };
    clock.after(receiptAfterMs, () => {
      this.#deliver(receipt);
      if (duplicateReceipts) this.#deliver(receipt);
    });
  }

  #deliver(pdu: Record<string, unknown>) {
    if (this.#isClosed) return;
    if (this.#waiting.size >= SMSC_LIMITS.receiptsWaiting) this.#waiting.delete(this.#waiting.keys().next().value!);
    this.#waiting.set(this.#nextReceipt, { pdu });
    this.#unsent.push(this.#nextReceipt++);
    this.#flush();
  }

  #flush() {
    const { clock } = this.#options;
    const session = [...this.#bound].at(-1);
    if (!session) return;
    for (const key of this.#unsent.splice(0)) {
      const waiting = this.#waiting.get(key);
      if (!waiting) continue;
      waiting.session = session;
      this.#counts.receiptsSent += 1;
      session.send(new smpp.PDU('deliver_sm', { ...waiting.pdu }), (answer) => {
        if (answer.command_status !== 0) return void clock.after(1000, () => (this.#unsent.push(key), this.#flush()));
        this.#counts.receiptsAcknowledged += 1;
        this.#waiting.delete(key);
      });
    }
  }
}
