import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import type { Clock } from '@tocsin/server/kernel/clock.ts';
import type { Chance } from '@tocsin/server/kernel/chance.ts';
import { decodeText } from './alphabet.ts';
import {
  CmppFrames,
  messageIdOf,
  proofOfGateway,
  proofOfSender,
  readCmpp,
  timestampOf,
  versionByte,
  writeCmpp,
  writeReport,
  type CmppPdu,
  type CmppVersion,
  type NumberedPdu,
} from './cmpp.ts';
import { cutIntoSegments, readUserDataHeader } from './segments.ts';

/** How the gateway behaves; each can be changed while it runs. */
export interface IsmgBehaviour {
  reportAfterMs: number;
  /** The report's word for these numbers, DELIVRD for all others. */
  words: Record<string, string>;
  /** 0-1: reports that are never sent. */
  loseReports: number;
  /** Submissions of one second above this number are answered with result 8, flow control. */
  throttleAbovePerS: number;
  /** Every SUBMIT is answered with this result; 0 = taken. */
  refuseWith: number;
  /** The connection is cut instead of answering the n-th submission from now; 0 = never. */
  cutAtSubmit: number;
}

export interface IsmgOptions {
  host?: string;
  /** 0 = chosen freely. */
  port?: number;
  version: CmppVersion;
  systemId: string;
  password: string;
  behaviour?: Partial<IsmgBehaviour>;
  clock: Clock;
  chance: Chance;
}

/** DELIVERs that wait for a connection or an answer; the oldest are dropped. */
const DELIVERS_WAITING = 20_000;
/** Submits kept for `submits`. */
const SUBMITS_KEPT = 20_000;
const GATEWAY_CODE = 10690;

/** A CMPP gateway of an operator on loopback: checks the login, takes SUBMITs, reports, brings texts from phones. */
export class IsmgSimulator implements AsyncDisposable {
  port = 0;
  readonly host: string;
  readonly submits: { messageId: string; from: string; to: string; text: string; part: number; total: number }[] = [];
  readonly counts = {
    connects: 0,
    refused: 0,
    submits: 0,
    throttled: 0,
    reports: 0,
    acknowledged: 0,
    lost: 0,
    tests: 0,
  };
  readonly #options: IsmgOptions;
  readonly #behaviour: IsmgBehaviour;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  /** Logged in, newest last. */
  readonly #open: Socket[] = [];
  readonly #waiting = new Map<number, { pdu: CmppPdu; socket?: Socket }>();
  #sequence = 0;
  #messages = 0;
  #second = { startMs: 0, submits: 0 };

  constructor(options: IsmgOptions) {
    this.#options = options;
    this.host = options.host ?? '127.0.0.1';
    this.#behaviour = {
      reportAfterMs: 200,
      words: {},
      loseReports: 0,
      throttleAbovePerS: Infinity,
      refuseWith: 0,
      cutAtSubmit: 0,
      ...options.behaviour,
    };
    this.#server = createServer((socket) => this.#serve(socket));
  }

  async listen(port: number): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(port, this.host, () => resolve());
    });
    this.port = (this.#server.address() as AddressInfo).port;
  }

  behave(change: Partial<IsmgBehaviour>): void {
    Object.assign(this.#behaviour, change);
  }

  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Tests the line, as a gateway does after its silence. */
  testLine(): void {
    for (const socket of this.#open) this.#send(socket, { command: 'active-test', sequence: (this.#sequence += 1) });
  }

  /** A text from a phone to the system. */
  sendText({ from, to, text }: { from: string; to: string; text: string }): void {
    const { dataCoding, parts } = cutIntoSegments(text, this.#messages & 0xff, 'ascii');
    for (const content of parts)
      this.#deliver({
        command: 'deliver',
        messageId: this.#newId(),
        from,
        to,
        serviceId: 'tocsin',
        hasHeader: parts.length > 1,
        format: dataCoding,
        isReport: false,
        content,
      });
  }

  async [Symbol.asyncDispose]() {
    this.cut();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #serve(socket: Socket) {
    socket.setNoDelay(true);
    const frames = new CmppFrames();
    this.#sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      this.#sockets.delete(socket);
      if (this.#open.includes(socket)) this.#open.splice(this.#open.indexOf(socket), 1);
      for (const waiting of this.#waiting.values()) if (waiting.socket === socket) delete waiting.socket;
      this.#flush();
    });
    socket.on('data', (bytes) => {
      const packets = frames.take(bytes);
      if (!packets) return void socket.destroy();
      for (const packet of packets) {
        const pdu = readCmpp(packet, this.#options.version);
        if (pdu) this.#receive(socket, pdu);
      }
    });
  }

  #receive(socket: Socket, pdu: NumberedPdu) {
    const { sequence } = pdu;
    switch (pdu.command) {
      case 'connect':
        return this.#login(socket, pdu);
      case 'submit':
        if (!this.#open.includes(socket)) return void socket.destroy();
        return this.#submit(socket, pdu);
      case 'active-test':
        this.counts.tests += 1;
        return this.#send(socket, { command: 'active-test-resp', sequence });
      case 'terminate':
        this.#send(socket, { command: 'terminate-resp', sequence });
        return void socket.end();
      case 'deliver-resp': {
        if (pdu.result !== 0) {
          const waiting = this.#waiting.get(sequence);
          return void this.#options.clock.after(500, () => {
            if (waiting) delete waiting.socket;
            this.#flush();
          });
        }
        if (this.#waiting.delete(sequence)) this.counts.acknowledged += 1;
        return;
      }
      default:
        return;
    }
  }

  #login(
    socket: Socket,
    { account, proof, version, timestamp, sequence }: Extract<NumberedPdu, { command: 'connect' }>,
  ) {
    const { systemId, password } = this.#options;
    const status =
      version > versionByte(this.#options.version)
        ? 4
        : account !== systemId
          ? 2
          : proof.equals(proofOfSender(systemId, password, timestamp))
            ? 0
            : 3;
    this.counts[status === 0 ? 'connects' : 'refused'] += 1;
    this.#send(socket, {
      command: 'connect-resp',
      status,
      proof: proofOfGateway(status, proof, password, this.#options.version),
      version: versionByte(this.#options.version),
      sequence,
    });
    if (status !== 0) return void socket.end();
    this.#open.push(socket);
    this.#flush();
  }

  #submit(socket: Socket, pdu: Extract<NumberedPdu, { command: 'submit' }>) {
    const { clock, chance, version } = this.#options;
    const behaviour = this.#behaviour;
    this.counts.submits += 1;
    const nowMs = clock.monotonic();
    if (nowMs - this.#second.startMs >= 1000) this.#second = { startMs: nowMs, submits: 0 };
    this.#second.submits += 1;
    if (behaviour.cutAtSubmit > 0 && --behaviour.cutAtSubmit === 0) return void socket.destroy();
    const isTooFast = this.#second.submits > behaviour.throttleAbovePerS;
    const result = behaviour.refuseWith || (isTooFast ? 8 : 0);
    const messageId = this.#newId();
    this.#send(socket, { command: 'submit-resp', messageId, result, sequence: pdu.sequence });
    if (isTooFast) this.counts.throttled += 1;
    if (result !== 0) return;

    const body = pdu.hasHeader ? readUserDataHeader(pdu.content).body : pdu.content;
    this.submits.push({
      messageId,
      from: pdu.from,
      to: pdu.to,
      text: decodeText(body, pdu.format === 0 ? 1 : pdu.format),
      part: pdu.partNumber,
      total: pdu.partTotal,
    });
    if (this.submits.length > SUBMITS_KEPT) this.submits.shift();
    if (behaviour.loseReports > 0 && chance.fraction() < behaviour.loseReports) return void (this.counts.lost += 1);
    const word = behaviour.words[pdu.to] ?? 'DELIVRD';
    clock.after(behaviour.reportAfterMs, () => {
      const report = { messageId, word, recipient: pdu.to, atMs: clock.now(), sequence: this.#messages };
      this.#deliver({
        command: 'deliver',
        messageId: this.#newId(),
        from: pdu.to,
        to: pdu.from,
        serviceId: pdu.serviceId,
        hasHeader: false,
        format: 0,
        isReport: true,
        content: writeReport(report, version),
      });
    });
  }

  #deliver(pdu: CmppPdu) {
    if (this.#waiting.size >= DELIVERS_WAITING) this.#waiting.delete(this.#waiting.keys().next().value!);
    this.#waiting.set((this.#sequence += 1), { pdu });
    this.#flush();
  }

  #flush() {
    const socket = this.#open.at(-1);
    if (!socket) return;
    for (const [sequence, waiting] of this.#waiting) {
      if (waiting.socket) continue;
      waiting.socket = socket;
      if (waiting.pdu.command === 'deliver' && waiting.pdu.isReport) this.counts.reports += 1;
      this.#send(socket, { ...waiting.pdu, sequence });
    }
  }

  #send(socket: Socket, pdu: NumberedPdu) {
    if (!socket.destroyed) socket.write(writeCmpp(pdu, this.#options.version));
  }

  #newId(): string {
    this.#messages = (this.#messages + 1) & 0xffff;
    return messageIdOf(timestampOf(this.#options.clock.now()), GATEWAY_CODE, this.#messages);
  }
}

export async function openIsmgSimulator(options: IsmgOptions): Promise<IsmgSimulator> {
  const simulator = new IsmgSimulator(options);
  await simulator.listen(options.port ?? 0);
  return simulator;
}
