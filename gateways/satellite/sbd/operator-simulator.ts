import { connect, createServer, type Server } from 'node:net';
import { answerBurst, readBurst, type Order, type OrderAnswer } from '@tocsin/protocol/order-burst.ts';
import type { Clock } from '@tocsin/server/kernel/clock.ts';
import {
  messageLength,
  readMobileTerminated,
  readMoConfirmation,
  writeMobileOriginated,
  writeMtConfirmation,
  type MobileOriginated,
} from './direct-ip.ts';

/** Messages that wait for one modem; the operator's own bound. */
const QUEUED_AT_MOST = 50;

/** A modem in the field, and how whoever holds it behaves. */
interface Modem {
  imei: string;
  /** Fetches what waits for it after so long; undefined: it sees no satellite. */
  fetchesAfterMs?: number | undefined;
  /** Answers orders so. */
  answers?: OrderAnswer | undefined;
  received: Uint8Array[];
  orders: Order[];
  waiting: number;
  momsn: number;
}

/** The operator's DirectIP gateway with modems behind it. */
export class OperatorSimulator implements AsyncDisposable {
  readonly port: number;
  readonly modems = new Map<string, Modem>();
  readonly #server: Server;
  readonly #clock: Clock;
  #vendor: { host: string; port: number } | undefined;
  #record = 1;
  #auto = 1;

  constructor(server: Server, clock: Clock) {
    this.#server = server;
    this.#clock = clock;
    this.port = (server.address() as { port: number }).port;
    server.on('connection', (socket) => {
      let gathered = Buffer.alloc(0);
      socket.on('error', () => socket.destroy());
      socket.on('data', (bytes: Buffer) => {
        gathered = Buffer.concat([gathered, bytes]);
        const { length, isBroken } = messageLength(gathered);
        if (isBroken) socket.destroy();
        else if (length !== undefined && gathered.length >= length)
          socket.end(this.#terminate(gathered.subarray(0, length)));
      });
    });
  }

  /** Where what modems send is delivered. */
  deliverTo(host: string, port: number): void {
    this.#vendor = { host, port };
  }

  addModem(imei: string, manner: { fetchesAfterMs?: number; answers?: OrderAnswer } = {}): Modem {
    const modem: Modem = { imei, ...manner, received: [], orders: [], waiting: 0, momsn: 0 };
    this.modems.set(imei, modem);
    return modem;
  }

  /** A modem sends; resolves with whether the vendor's server confirmed it. */
  originate(
    imei: string,
    what: Pick<MobileOriginated, 'payload' | 'location'>,
    record = this.#record++,
  ): Promise<boolean> {
    const modem = this.modems.get(imei)!;
    const message = writeMobileOriginated({
      cdrReference: record,
      imei,
      sessionStatus: 0,
      momsn: (modem.momsn += 1),
      mtmsn: 0,
      at: this.#clock.now(),
      ...what,
    });
    return this.deliver(message);
  }

  /** Delivers any bytes; resolves with what was confirmed, false when nothing was. */
  deliver(message: Uint8Array): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    if (!this.#vendor) return Promise.resolve(false);
    const socket = connect(this.#vendor);
    let gathered = Buffer.alloc(0);
    socket.on('connect', () => socket.write(message));
    socket.on('data', (bytes: Buffer) => (gathered = Buffer.concat([gathered, bytes])));
    socket.on('error', () => resolve(false));
    socket.on('close', () => resolve(readMoConfirmation(gathered) ?? false));
    return promise;
  }

  async [Symbol.asyncDispose]() {
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #terminate(bytes: Uint8Array): Uint8Array {
    const message = readMobileTerminated(bytes);
    if (typeof message === 'string')
      return writeMtConfirmation({ clientMessageId: 0, imei: '0'.repeat(15), autoReference: 0, status: -7 });
    const { clientMessageId, imei, payload } = message;
    const modem = this.modems.get(imei);
    const confirm = (status: number) =>
      writeMtConfirmation({ clientMessageId, imei, autoReference: this.#auto++, status });
    if (!modem) return confirm(-2);
    if (payload.length === 0) return confirm(-4);
    if (payload.length > 1890) return confirm(-3);
    if (modem.waiting >= QUEUED_AT_MOST) return confirm(-5);
    modem.waiting += 1;
    const copy = Uint8Array.from(payload);
    if (modem.fetchesAfterMs !== undefined) this.#clock.after(modem.fetchesAfterMs, () => this.#fetch(modem, copy));
    return confirm(modem.waiting);
  }

  #fetch(modem: Modem, payload: Uint8Array): void {
    modem.waiting -= 1;
    modem.received.push(payload);
    const burst = readBurst(payload);
    if (burst?.kind !== 'order') return;
    modem.orders.push(burst.order);
    if (modem.answers)
      void this.originate(modem.imei, { payload: answerBurst(burst.order.id, modem.answers, this.#clock.now()) });
  }
}

export async function openOperatorSimulator(options: {
  host?: string;
  port?: number;
  clock: Clock;
}): Promise<OperatorSimulator> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port ?? 0, options.host ?? '127.0.0.1', () => {
      server.off('error', reject);
      resolve();
    });
  });
  return new OperatorSimulator(server, options.clock);
}
