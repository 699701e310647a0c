import { connect, type Socket } from 'node:net';
import type { Clock } from '@tocsin/server/kernel/clock.ts';
import { readDownFrame, writeUpFrame, type DownFrame, type UpFrame } from './frame.ts';
import { writeTime } from './report.ts';

/** How often a report is sent, and how long its answer is waited for each time. */
const TRIES = 3;
const ANSWER_WITHIN_MS = 5000;

export interface StationOptions {
  host: string;
  port: number;
  address: string;
  coding: 'hex' | 'ascii';
  centre?: string;
  password?: string;
  utcOffsetHours?: number;
  clock: Clock;
}

/** A value as a station sends it. */
export interface SentValue {
  /** `39` with 3 decimals in 4 octets … */
  element: string;
  name: string;
  value: number;
  octets: number;
  decimals: number;
}

export const level = (value: number): SentValue => ({ element: '39', name: 'Z', value, octets: 4, decimals: 3 });
export const rain = (value: number): SentValue => ({ element: '20', name: 'PJ', value, octets: 3, decimals: 1 });
export const volts = (value: number): SentValue => ({ element: '38', name: 'VT', value, octets: 2, decimals: 2 });

/** A telemetry station of SL 651-2014: it reports over TCP, waits for the answer, and reports again. */
export class StationSimulator {
  readonly #options: StationOptions;
  #serial = 0;

  constructor(options: StationOptions) {
    this.#options = options;
  }

  /** Sends a report. @returns the answer; undefined when there was none */
  async report(
    code: number,
    values: SentValue[],
    observedAt = this.#options.clock.now(),
  ): Promise<DownFrame | undefined> {
    const frame = this.frame(code, values, observedAt);
    for (let attempt = 0; attempt < TRIES; attempt += 1) {
      const answer = await this.exchange([frame]);
      const read = answer && readDownFrame(answer);
      if (read) return read;
    }
    return undefined;
  }

  /** One report as octets. */
  frame(code: number, values: SentValue[], observedAt = this.#options.clock.now()): Buffer {
    return writeUpFrame({ ...this.#head(code), body: this.body(values, observedAt) });
  }

  /** The same report cut into packets. */
  packets(code: number, values: SentValue[], octets: number, observedAt = this.#options.clock.now()): Buffer[] {
    const body = this.body(values, observedAt);
    const count = Math.ceil(body.length / octets);
    return Array.from({ length: count }, (_, index) =>
      writeUpFrame({
        ...this.#head(code),
        body: body.subarray(index * octets, (index + 1) * octets),
        packet: { count, number: index + 1 },
        hasMore: index + 1 < count,
      }),
    );
  }

  body(values: SentValue[], observedAt: number): Buffer {
    const { address, coding, utcOffsetHours = 8, clock } = this.#options;
    this.#serial = (this.#serial % 0xffff) + 1;
    const serial = this.#serial.toString(16).padStart(4, '0');
    const sent = writeTime(clock.now(), utcOffsetHours);
    const observed = writeTime(observedAt, utcOffsetHours).slice(0, 10);
    if (coding === 'ascii') {
      const said = values.map(({ name, value, decimals }) => `${name} ${value.toFixed(decimals)}`).join(' ');
      return Buffer.from(`${serial}${sent}ST ${address} H TT ${observed} ${said} `, 'latin1');
    }
    return Buffer.from(`${serial}${sent}f1f1${address}48f0f0${observed}${values.map(inHex).join('')}`, 'hex');
  }

  /** Sends octets as they are, on a connection of their own. @returns what came back first */
  async exchange(frames: Buffer[], withinMs = ANSWER_WITHIN_MS): Promise<Buffer | undefined> {
    const { host, port, clock } = this.#options;
    return await new Promise((resolve) => {
      const socket: Socket = connect(port, host, () => {
        for (const frame of frames) socket.write(frame);
      });
      const end = (answer?: Buffer) => {
        timer.cancel();
        socket.destroy();
        resolve(answer);
      };
      const timer = clock.after(withinMs, () => end());
      socket.on('error', () => end());
      socket.on('close', () => end());
      socket.on('data', (data) => end(data));
    });
  }

  #head(code: number): Pick<UpFrame, 'coding' | 'centre' | 'station' | 'password' | 'function'> {
    const { address, coding, centre = '01', password = '1234' } = this.#options;
    return { coding, centre, station: address, password, function: code };
  }
}

function inHex({ element, value, octets, decimals }: SentValue): string {
  const definition = ((octets << 3) | decimals).toString(16).padStart(2, '0');
  const digits = Math.round(Math.abs(value) * 10 ** decimals).toString();
  const size = octets * 2;
  return element + definition + (value < 0 ? `ff${digits.padStart(size - 2, '0')}` : digits.padStart(size, '0'));
}
