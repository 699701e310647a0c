import { createSocket } from 'node:dgram';
import { connect } from 'node:net';
import type { Chance } from '@tocsin/server/kernel/chance.ts';
import type { Clock } from '@tocsin/server/kernel/clock.ts';
import { readFrame, readKey, writeFrame, type Frame } from './frame.ts';

/** How often a message is sent before the panel gives up, and how long it waits for an answer each time. */
const TRIES = 4;
const ANSWER_WITHIN_MS = 5000;

export interface PanelOptions {
  host: string;
  port: number;
  transport: 'tcp' | 'udp';
  account: string;
  /** As on the panel's keypad: see readKey. */
  key?: string;
  receiver?: string;
  line?: string;
  /** False: a panel without a clock, which sends no timestamps. */
  hasClock?: boolean;
  clock: Clock;
  chance: Chance;
}

export type PanelAnswer = 'ACK' | 'NAK' | 'DUH' | 'no-answer';

/** An alarm panel that speaks DC-09: it sends, waits for the answer, sends again, and sets its clock by a NAK. */
export class PanelSimulator {
  readonly #options: PanelOptions;
  readonly #key: Uint8Array | undefined;
  #sequence = 0;
  /** How far its clock is off. */
  driftMs = 0;

  constructor(options: PanelOptions) {
    this.#options = options;
    this.#key = options.key === undefined ? undefined : readKey(options.key);
  }

  /** An event as SIA-DCS: `BA`, zone, a text. */
  alarm(code: string, { zone = '001', area = '1', text }: { zone?: string; area?: string; text?: string } = {}) {
    return this.send('SIA-DCS', `#${this.#options.account}|Nri${area}/${code}${zone}${text ? `^${text}^` : ''}`);
  }

  /** An event as Contact ID: `1130`, partition, zone. */
  contactId(event: string, { partition = '01', zone = '001' }: { partition?: string; zone?: string } = {}) {
    return this.send('ADM-CID', `#${this.#options.account}|${event} ${partition} ${zone}`);
  }

  /** The supervision message. */
  heartbeat() {
    return this.send('NULL', '');
  }

  async send(id: string, data: string, extended: string[] = []): Promise<PanelAnswer> {
    this.#sequence = (this.#sequence % 9999) + 1;
    const sequence = String(this.#sequence).padStart(4, '0');
    let answer: PanelAnswer = 'no-answer';
    for (let attempt = 0; attempt < TRIES; attempt += 1) {
      answer = await this.#exchange(this.frame(id, data, { sequence, extended }));
      if (answer === 'ACK' || answer === 'DUH') return answer;
    }
    return answer;
  }

  /** One message as octets. */
  frame(id: string, data: string, { sequence = '0001', extended = [] as string[] } = {}): Buffer {
    const { account, receiver, line = '0', hasClock = true, clock, chance } = this.#options;
    return writeFrame(
      {
        id,
        sequence,
        ...(receiver !== undefined && { receiver }),
        line,
        account,
        data,
        extended,
        ...((hasClock || this.#key) && { at: Math.floor((clock.now() + this.driftMs) / 1000) * 1000 }),
      },
      {
        ...(this.#key && { key: this.#key }),
        pad: (length) =>
          Array.from({ length }, () => String.fromCharCode(0x61 + Math.floor(chance.fraction() * 26))).join(''),
      },
    );
  }

  /** Sends octets as they are. @returns what came back within the time */
  async exchangeRaw(bytes: Uint8Array, withinMs = ANSWER_WITHIN_MS): Promise<Buffer | undefined> {
    return this.#options.transport === 'tcp' ? await this.#byTcp(bytes, withinMs) : await this.#byUdp(bytes, withinMs);
  }

  async #exchange(bytes: Uint8Array): Promise<PanelAnswer> {
    const answer = await this.exchangeRaw(bytes);
    if (!answer) return 'no-answer';
    const reading = readFrame(answer, () => this.#key);
    if (reading.kind !== 'frame') {
      // A NAK has an `A` for the account, which no other message has.
      const text = answer.toString('latin1');
      if (!text.includes('"NAK"')) return 'no-answer';
      this.#setClock(text);
      return 'NAK';
    }
    return reading.frame.id as Frame['id'] & PanelAnswer;
  }

  #setClock(nak: string) {
    const time = /_(\d\d):(\d\d):(\d\d),(\d\d)-(\d\d)-(\d{4})/.exec(nak);
    if (!time) return;
    const [hour, minute, second, month, day, year] = time.slice(1).map(Number) as [
      number,
      number,
      number,
      number,
      number,
      number,
    ];
    this.driftMs = Date.UTC(year, month - 1, day, hour, minute, second) - this.#options.clock.now();
  }

  #byTcp(bytes: Uint8Array, withinMs: number): Promise<Buffer | undefined> {
    const { host, port, clock } = this.#options;
    return new Promise((resolve) => {
      const heard: Buffer[] = [];
      const socket = connect(port, host, () => socket.write(bytes));
      const end = (answer?: Buffer) => {
        timer.cancel();
        socket.destroy();
        resolve(answer);
      };
      const timer = clock.after(withinMs, () => end());
      socket.on('error', () => end());
      socket.on('close', () => end());
      socket.on('data', (data) => {
        heard.push(data);
        if (data.includes(0x0d)) end(Buffer.concat(heard));
      });
    });
  }

  #byUdp(bytes: Uint8Array, withinMs: number): Promise<Buffer | undefined> {
    const { host, port, clock } = this.#options;
    return new Promise((resolve) => {
      const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
      const end = (answer?: Buffer) => {
        timer.cancel();
        socket.close();
        resolve(answer);
      };
      const timer = clock.after(withinMs, () => end());
      socket.on('message', (data) => end(data));
      socket.on('error', () => end());
      socket.send(bytes, port, host);
    });
  }
}
