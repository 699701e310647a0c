import { connect, createServer, type Server, type Socket } from 'node:net';
import type { Clock } from '@tocsin/server/kernel/clock.ts';
import { Emitter } from '@tocsin/server/kernel/emitter.ts';
import type { Log } from '@tocsin/server/kernel/log.ts';
import {
  messageLength,
  MT_REFUSALS,
  readMobileOriginated,
  readMtConfirmation,
  writeMobileTerminated,
  writeMoConfirmation,
  type MobileOriginated,
} from './direct-ip.ts';

export const BURST_LIMITS = {
  /** Connections of the operator's gateway at the same time; it opens one a message. */
  connections: 32,
  /** A connection that has not said its message by then is closed. */
  messageWithinMs: 30_000,
  /** The operator's gateway confirms a message by then, or it was not taken. */
  confirmedWithinMs: 30_000,
  /** Call data records that are remembered, so that a second copy is known. */
  rememberedRecords: 2000,
} as const;

type BurstLinkEvents = {
  /** A modem sent something. Whoever hears it keeps it before the promise resolves: only then is it confirmed. */
  originated: [message: MobileOriginated, kept: (work: Promise<void>) => void];
};

/** DirectIP both ways: a server for what modems send, a client for what is sent to them. */
export class BurstLink implements AsyncDisposable {
  readonly events = new Emitter<BurstLinkEvents>();
  malformed = 0;
  readonly #server: Server;
  readonly #options: BurstLinkOptions;
  readonly #records = new Set<number>();
  readonly #sockets = new Set<Socket>();
  #clientMessageId = 0;

  constructor(server: Server, options: BurstLinkOptions) {
    this.#server = server;
    this.#options = options;
    server.maxConnections = BURST_LIMITS.connections;
    server.on('connection', (socket) => this.#take(socket));
  }

  get port(): number {
    return (this.#server.address() as { port: number }).port;
  }

  /**
   * Hands a message for a modem to the operator's gateway. The modem fetches it when it next sees a satellite: `queued`
   * tells its place, not that it has it.
   */
  async send(
    imei: string,
    payload: Uint8Array,
  ): Promise<{ kind: 'queued'; place: number } | { kind: 'refused'; why: string }> {
    const { operator } = this.#options;
    if (!operator) return { kind: 'refused', why: 'no gateway of the operator is configured' };
    const clientMessageId = (this.#clientMessageId = (this.#clientMessageId + 1) >>> 0);
    const reply = await this.#exchange(operator, writeMobileTerminated({ clientMessageId, imei, payload }));
    if (typeof reply === 'string') return { kind: 'refused', why: reply };
    const confirmation = readMtConfirmation(reply);
    if (typeof confirmation === 'string') return { kind: 'refused', why: confirmation };
    if (confirmation.clientMessageId !== clientMessageId)
      return { kind: 'refused', why: 'the confirmation is another message’s' };
    const { status } = confirmation;
    return status < 0
      ? { kind: 'refused', why: MT_REFUSALS[status] ?? `status ${status}` }
      : { kind: 'queued', place: status };
  }

  async [Symbol.asyncDispose]() {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  /** One message out, one message back; the complaint in words when that does not come about. */
  #exchange({ host, port }: { host: string; port: number }, message: Uint8Array): Promise<Uint8Array | string> {
    const { promise, resolve } = Promise.withResolvers<Uint8Array | string>();
    const socket = connect({ host, port });
    this.#sockets.add(socket);
    const timer = this.#options.clock.after(BURST_LIMITS.confirmedWithinMs, () =>
      resolve('the operator’s gateway does not confirm'),
    );
    socket.on('connect', () => socket.write(message));
    readMessage(socket, resolve);
    socket.on('error', () => resolve('the operator’s gateway cannot be reached'));
    socket.on('close', () => resolve('the operator’s gateway closed without a confirmation'));
    return promise.finally(() => {
      timer.cancel();
      this.#sockets.delete(socket);
      socket.destroy();
    });
  }

  #take(socket: Socket): void {
    this.#sockets.add(socket);
    const timer = this.#options.clock.after(BURST_LIMITS.messageWithinMs, () => socket.destroy());
    socket.on('close', () => {
      timer.cancel();
      this.#sockets.delete(socket);
    });
    socket.on('error', () => socket.destroy());
    readMessage(socket, (message) => {
      this.#hear(message)
        .then((isTaken) => socket.end(writeMoConfirmation(isTaken)))
        .catch((error: unknown) => {
          this.#options.log.error('burst not kept', { error });
          socket.end(writeMoConfirmation(false));
        });
    });
  }

  async #hear(bytes: Uint8Array | string): Promise<boolean> {
    const message = typeof bytes === 'string' ? bytes : readMobileOriginated(bytes);
    if (typeof message === 'string') {
      this.malformed += 1;
      this.#options.log.warn('malformed burst', { why: message });
      return false;
    }
    // The operator sends again what was not confirmed in time.
    if (this.#records.has(message.cdrReference)) return true;
    const work: Promise<void>[] = [];
    this.events.emit('originated', message, (each) => work.push(each));
    await Promise.all(work);
    this.#records.add(message.cdrReference);
    if (this.#records.size > BURST_LIMITS.rememberedRecords) this.#records.delete(this.#records.values().next().value!);
    return true;
  }
}

/** Gathers one message from a stream; what follows it is not read. */
function readMessage(socket: Socket, done: (message: Uint8Array | string) => void): void {
  let gathered = Buffer.alloc(0);
  const take = (bytes: Buffer) => {
    gathered = Buffer.concat([gathered, bytes]);
    const { length, isBroken } = messageLength(gathered);
    if (isBroken) {
      socket.off('data', take);
      done('not DirectIP');
    } else if (length !== undefined && gathered.length >= length) {
      socket.off('data', take);
      done(Uint8Array.from(gathered.subarray(0, length)));
    }
  };
  socket.on('data', take);
}

export interface BurstLinkOptions {
  host: string;
  /** Where the operator's gateway delivers; 0 = chosen freely. */
  listenPort: number;
  /** Where messages for modems are handed in. */
  operator?: { host: string; port: number };
  clock: Clock;
  log: Log;
}

/** Opens the server side. @throws when the port is taken. */
export async function openBurstLink(options: BurstLinkOptions): Promise<BurstLink> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.listenPort, options.host, () => {
      server.off('error', reject);
      resolve();
    });
  });
  return new BurstLink(server, options);
}
