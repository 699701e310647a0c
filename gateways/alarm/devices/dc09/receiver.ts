import type { Socket as UdpSocket } from 'node:dgram';
import type { Server, Socket } from 'node:net';
import { openDoors } from '../../../kit/doors.ts';
import { openAlarmGateway, type AlarmGateway, type AlarmGatewayOptions } from '../../alarm-gateway.ts';
import { FRAME_LIMITS, readFrame, readKey, writeFrame, writeNak, type Frame } from './frame.ts';
import { meaningOf, placeOf } from './meaning.ts';

export const DC09_LIMITS = {
  /** TCP connections at the same time; further ones are closed at once. */
  connections: 2000,
  /** A connection that says nothing is closed; a device opens a new one when it has something to say. */
  silentMs: 15 * 60_000,
  /** How far the sender's clock may be ahead of ours, and behind it (DC-09 §5.4.8). */
  aheadMs: 20_000,
  behindMs: 40_000,
  /** A message with the same sequence number and content within this time is the same message, repeated. */
  repeatedWithinMs: 5 * 60_000,
  /** Accounts whose last message is remembered. */
  accounts: 20_000,
} as const;

export interface Dc09ReceiverOptions extends Omit<AlarmGatewayOptions, 'devices'> {
  host: string;
  /** TCP and UDP; 0 = chosen freely, the same for both. */
  port: number;
  /** `key`: 32, 48 or 64 hexadecimal digits, or so many characters as a key has octets. With it, plain messages are refused. */
  devices: { account: string; device: string; key?: string }[];
}

/** Receives alarms by ANSI/SIA DC-09 over TCP and UDP. */
export async function startDc09Receiver(options: Dc09ReceiverOptions): Promise<Dc09Receiver> {
  await using opened = new AsyncDisposableStack();
  const keys = new Map<string, Uint8Array>();
  for (const { account, key } of options.devices) {
    const read = key === undefined ? undefined : readKey(key);
    if (key !== undefined && !read) throw new Error(`the key of account ${account} is not of 128, 192 or 256 bits`);
    if (read) keys.set(account.toUpperCase(), read);
  }
  const { tcp, udp, port } = await openDoors(options.host, options.port);
  opened.defer(() => new Promise<void>((resolve) => tcp.close(() => resolve())));
  opened.defer(() => new Promise<void>((resolve) => udp.close(() => resolve())));
  // The keys stay here: the gateway's life logs what it is given.
  const devices = options.devices.map(({ account, device }) => ({ account, device }));
  const problem = () => (tcp.listening ? undefined : 'the TCP door is closed');
  const alarms = opened.use(await openAlarmGateway({ ...options, devices, protocol: 'dc09', problem }));
  return new Dc09Receiver(options, { alarms, keys, tcp, udp, port, parts: opened.move() });
}

interface Parts {
  alarms: AlarmGateway;
  keys: ReadonlyMap<string, Uint8Array>;
  tcp: Server;
  udp: UdpSocket;
  port: number;
  parts: AsyncDisposableStack;
}

export class Dc09Receiver implements AsyncDisposable {
  readonly port: number;
  readonly #options: Dc09ReceiverOptions;
  readonly #parts: Parts;
  readonly #connections = new Set<Socket>();
  /** The last message of each account, oldest account first. */
  readonly #last = new Map<string, { message: string; atMs: number; taken: Promise<void> }>();

  /** Use startDc09Receiver. */
  constructor(options: Dc09ReceiverOptions, parts: Parts) {
    this.#options = options;
    this.#parts = parts;
    this.port = parts.port;
    parts.tcp.on('connection', (connection) => this.#serve(connection));
    parts.udp.on('message', (packet, from) => {
      void this.#answer(packet).then((answer) => {
        if (answer) parts.udp.send(answer, from.port, from.address, () => {});
      });
    });
    parts.udp.on('error', (error) => options.log.warn('udp door of alarms failed', { error }));
  }

  snapshot() {
    return { ...this.#parts.alarms.snapshot(), port: this.port, connections: this.#connections.size };
  }

  async [Symbol.asyncDispose]() {
    for (const connection of this.#connections) connection.destroy();
    await this.#parts.parts.disposeAsync();
  }

  #serve(connection: Socket) {
    if (this.#connections.size >= DC09_LIMITS.connections) return connection.destroy();
    this.#connections.add(connection);
    connection.setTimeout(DC09_LIMITS.silentMs, () => connection.destroy());
    connection.on('error', () => connection.destroy());
    connection.on('close', () => this.#connections.delete(connection));
    let waiting = Buffer.alloc(0);
    let work = Promise.resolve();
    connection.on('data', (bytes) => {
      waiting = Buffer.concat([waiting, bytes]);
      for (let end = waiting.indexOf(0x0d); end >= 0; end = waiting.indexOf(0x0d)) {
        const frame = waiting.subarray(Math.max(0, waiting.lastIndexOf(0x0a, end)), end + 1);
        waiting = waiting.subarray(end + 1);
        // One after another: answers go out in the order of the questions.
        work = work.then(async () => {
          const answer = await this.#answer(frame);
          if (answer && connection.writable) connection.write(answer);
        });
      }
      if (waiting.length > FRAME_LIMITS.bytes) {
        this.#parts.alarms.refuse('more bytes than a frame can have, without its end', { bytes: waiting.length });
        connection.destroy();
      }
    });
  }

  /** What goes back for one frame: ACK when it is stored, NAK, DUH, or nothing. */
  async #answer(bytes: Uint8Array): Promise<Buffer | undefined> {
    const { alarms, keys } = this.#parts;
    const { clock } = this.#options;
    const reading = readFrame(bytes, (account) => keys.get(account));
    if (reading.kind === 'garbage') return void alarms.refuse(reading.why, { bytes: bytes.length });
    if (reading.kind === 'unreadable') {
      alarms.refuse(reading.why, { account: reading.frame.account });
      return this.#reply('DUH', { ...reading.frame, isEncrypted: false });
    }
    const { frame } = reading;
    if (!frame.isEncrypted && keys.has(frame.account)) {
      alarms.refuse('in plain text, and this account has a key', { account: frame.account });
      return this.#reply('DUH', frame);
    }
    const age = frame.at === undefined ? 0 : clock.now() - frame.at;
    if (age > DC09_LIMITS.behindMs || age < -DC09_LIMITS.aheadMs) {
      alarms.refuse('timestamp out of the window', { account: frame.account, ageMs: age });
      return writeNak(clock.now());
    }
    const reports = meaningOf(frame);
    if (!reports) {
      alarms.refuse('id or data not understood', { account: frame.account, id: frame.id });
      return this.#reply('DUH', frame);
    }
    try {
      await this.#takeOnce(frame, reports);
    } catch (error) {
      // Not acknowledged: the device keeps it and sends it again.
      alarms.refuse('could not be stored', { account: frame.account, error });
      return undefined;
    }
    return this.#reply('ACK', frame);
  }

  #takeOnce(frame: Frame, reports: NonNullable<ReturnType<typeof meaningOf>>): Promise<void> {
    const now = this.#options.clock.now();
    const message = `${frame.id}/${frame.sequence}/${frame.data}/${frame.extended.join('/')}`;
    const last = this.#last.get(frame.account);
    if (last?.message === message && now - last.atMs <= DC09_LIMITS.repeatedWithinMs) return last.taken;
    const place = placeOf(frame);
    const taken = this.#parts.alarms.take(frame.account, reports, {
      // With the sender's own time the id is the same also after we were restarted between two copies.
      ...(frame.at !== undefined && { id: `dc09-${frame.sequence}-${frame.at}`, at: frame.at }),
      ...(place && { location: place }),
    });
    this.#last.delete(frame.account);
    this.#last.set(frame.account, { message, atMs: now, taken });
    taken.catch(() => this.#last.delete(frame.account));
    if (this.#last.size > DC09_LIMITS.accounts) this.#last.delete(this.#last.keys().next().value!);
    return taken;
  }

  #reply(
    id: 'ACK' | 'DUH',
    {
      sequence,
      receiver,
      line,
      account,
      isEncrypted,
    }: Pick<Frame, 'sequence' | 'receiver' | 'line' | 'account' | 'isEncrypted'>,
  ): Buffer {
    const key = isEncrypted ? this.#parts.keys.get(account) : undefined;
    const { chance, clock } = this.#options;
    const base = { id, sequence, ...(receiver !== undefined && { receiver }), line, account, data: '' };
    if (!key) return writeFrame(base);
    const pad = (length: number) =>
      Array.from({ length }, () => String.fromCharCode(0x41 + Math.floor(chance.fraction() * 26))).join('');
    return writeFrame({ ...base, at: clock.now() }, { key, pad });
  }
}
