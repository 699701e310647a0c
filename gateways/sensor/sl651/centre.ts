import type { Socket as UdpSocket } from 'node:dgram';
import type { Server, Socket } from 'node:net';
import { openDoors } from '../../kit/doors.ts';
import { openGateway, type Gateway, type GatewayOptions } from '../../kit/gateway.ts';
import { ENDS, FUNCTIONS, readUpFrame, SL651_LIMITS, writeDownFrame, type UpFrame } from './frame.ts';
import { readReport, writeTime, type Report } from './report.ts';

export const CENTRE_LIMITS = {
  connections: 2000,
  /** A station that says nothing for so long is disconnected; it keeps its link by function 2F more often. */
  silentMs: 60 * 60_000,
  /** Octets of a stream that wait for the rest of a frame. */
  waiting: 8192,
  /** Reports in several packets that wait for the rest, and how long. */
  incomplete: 500,
  incompleteMs: 10 * 60_000,
} as const;

/** One station in the field. */
export interface Station {
  /** Ten digits. */
  address: string;
  /** Four hexadecimal digits; absent: any is taken. */
  password?: string;
  /** Which of its elements is which gauge: two hexadecimal digits, as `39`. */
  gauges: { element: string; gauge: string; unit: string }[];
  /** Below this voltage its gauges are shown as degraded. */
  leastVolts?: number;
}

export interface TelemetryCentreOptions extends Omit<GatewayOptions, 'kind'> {
  host: string;
  /** TCP and UDP; 0 = chosen freely. */
  port: number;
  stations: Station[];
  /** Of the stations' clocks; Beijing's 8 when absent. */
  utcOffsetHours?: number;
  /** Whether reports are answered (transmission mode M2 and M3), or not (M1). */
  answers?: boolean;
}

/** The centre that stations of SL 651-2014 report to, over TCP or UDP. */
export async function startTelemetryCentre(options: TelemetryCentreOptions): Promise<TelemetryCentre> {
  await using opened = new AsyncDisposableStack();
  const { tcp, udp, port } = await openDoors(options.host, options.port);
  opened.defer(() => new Promise<void>((resolve) => tcp.close(() => resolve())));
  opened.defer(() => new Promise<void>((resolve) => udp.close(() => resolve())));
  const gateway = opened.use(await openGateway({ ...options, kind: 'sensor' }));
  return new TelemetryCentre(options, { gateway, tcp, udp, port, opened: opened.move() });
}

interface Parts {
  gateway: Gateway;
  tcp: Server;
  udp: UdpSocket;
  port: number;
  opened: AsyncDisposableStack;
}

export class TelemetryCentre implements AsyncDisposable {
  readonly port: number;
  readonly #options: TelemetryCentreOptions;
  readonly #parts: Parts;
  readonly #stations: ReadonlyMap<string, Station>;
  readonly #connections = new Set<Socket>();
  /** Packets of reports that are not whole, by station and function. */
  readonly #incomplete = new Map<string, { atMs: number; packets: Map<number, Buffer>; count: number }>();
  readonly #count = { reports: 0, links: 0, readings: 0, refused: 0, repeatsAsked: 0 };

  /** Use startTelemetryCentre. */
  constructor(options: TelemetryCentreOptions, parts: Parts) {
    this.#options = options;
    this.#parts = parts;
    this.port = parts.port;
    this.#stations = new Map(options.stations.map((station) => [station.address, station]));
    const { gateway, tcp, udp } = parts;
    gateway.announce(options.stations.flatMap(({ gauges }) => gauges.map(({ gauge }) => gaugeState(gauge, 'ready'))));
    gateway.onCommand(
      'self-test',
      async ({ resource }) =>
        options.stations.some(({ gauges }) => gauges.some(({ gauge }) => gauge === resource))
          ? { outcome: 'done' }
          : { outcome: 'refused', because: `there is no gauge "${resource}"` },
      { afterCrash: 'again' },
    );
    tcp.on('connection', (connection) => this.#serve(connection));
    udp.on('message', (packet, from) => {
      const reading = readUpFrame(packet);
      if (reading.kind !== 'frame') return this.#refuse(reading.kind === 'more' ? 'cut short' : reading.why);
      void this.#answer(reading.frame).then((answer) => answer && udp.send(answer, from.port, from.address, () => {}));
    });
    udp.on('error', (error) => options.log.warn('udp door of telemetry failed', { error }));
  }

  snapshot() {
    return { ...this.#parts.gateway.snapshot(), ...this.#count, port: this.port, connections: this.#connections.size };
  }

  async [Symbol.asyncDispose]() {
    for (const connection of this.#connections) connection.destroy();
    await this.#parts.opened.disposeAsync();
  }

  #serve(connection: Socket) {
    if (this.#connections.size >= CENTRE_LIMITS.connections) return connection.destroy();
    this.#connections.add(connection);
    connection.setTimeout(CENTRE_LIMITS.silentMs, () => connection.destroy());
    connection.on('error', () => connection.destroy());
    connection.on('close', () => this.#connections.delete(connection));
    let waiting = Buffer.alloc(0);
    let work = Promise.resolve();
    connection.on('data', (bytes) => {
      waiting = Buffer.concat([waiting, bytes]);
      for (;;) {
        const reading = readUpFrame(waiting);
        if (reading.kind === 'more') break;
        waiting = waiting.subarray(reading.used);
        if (reading.kind === 'garbage') {
          this.#refuse(reading.why);
          continue;
        }
        work = work.then(async () => {
          const answer = await this.#answer(reading.frame);
          if (answer && connection.writable) connection.write(answer);
        });
      }
      if (waiting.length > CENTRE_LIMITS.waiting) connection.destroy();
    });
  }

  /** The answer to a frame, when what it says is on the disk; undefined where none is due. */
  async #answer(frame: UpFrame): Promise<Buffer | undefined> {
    const station = this.#stations.get(frame.station);
    if (!station) return void this.#refuse('a station that nobody has entered', frame.station);
    if (station.password !== undefined && station.password.toUpperCase() !== frame.password)
      return void this.#refuse('wrong password', frame.station);
    const whole = frame.packet ? this.#collect(frame) : { body: frame.body };
    if ('missing' in whole) {
      if (whole.missing === undefined) return undefined;
      this.#count.repeatsAsked += 1;
      const { count } = frame.packet!;
      return this.#down(frame, '0000', ENDS.repeat, { count, number: whole.missing });
    }
    const report = readReport({ ...frame, body: whole.body }, this.#options.utcOffsetHours ?? 8);
    if (!report) return void this.#refuse('the body has no serial number and time', frame.station);
    if (frame.function === FUNCTIONS.linkMaintenance) {
      this.#count.links += 1;
      return undefined;
    }
    try {
      await this.#take(station, report);
    } catch (error) {
      this.#options.log.error('report not stored, and not answered', { station: frame.station, error });
      return undefined;
    }
    return this.#options.answers === false ? undefined : this.#down(frame, report.serial, ENDS.stay);
  }

  async #take(station: Station, report: Report): Promise<void> {
    const { gateway } = this.#parts;
    this.#count.reports += 1;
    if (report.isPartial) this.#options.log.info('a part of a report was left', { station: station.address });
    const isWeak =
      station.leastVolts !== undefined && report.voltage !== undefined && report.voltage < station.leastVolts;
    const detail = [
      report.voltage !== undefined && `${report.voltage} V`,
      report.status !== undefined && `status ${report.status.toString(16).padStart(8, '0')}`,
    ]
      .filter(Boolean)
      .join(' · ');
    const stored: Promise<void>[] = [];
    for (const { element, gauge, unit } of station.gauges) {
      const own = report.observations.filter((each) => each.element === element.toLowerCase());
      for (const { value, at } of own) stored.push(gateway.publishReading(gauge, { value, unit, at }));
      this.#count.readings += own.length;
      gateway.setResource({ ...gaugeState(gauge, isWeak ? 'degraded' : 'ready'), ...(detail !== '' && { detail }) });
    }
    await Promise.all(stored);
  }

  /** Joins the packets of a report. `missing`: the first that has not come, once the last has; undefined: wait. */
  #collect(frame: UpFrame): { body: Buffer } | { missing: number | undefined } {
    const key = `${frame.station}/${frame.function}`;
    const { count, number } = frame.packet!;
    const now = this.#options.clock.now();
    for (const [each, { atMs }] of this.#incomplete)
      if (now - atMs > CENTRE_LIMITS.incompleteMs) this.#incomplete.delete(each);
    let report = this.#incomplete.get(key);
    if (!report || report.count !== count) report = { atMs: now, packets: new Map(), count };
    report.packets.set(number, frame.body);
    this.#incomplete.set(key, report);
    if (this.#incomplete.size > CENTRE_LIMITS.incomplete)
      this.#incomplete.delete(this.#incomplete.keys().next().value!);
    const missing = Array.from({ length: count }, (_, index) => index + 1).find((each) => !report.packets.has(each));
    if (missing !== undefined) return { missing: frame.hasMore ? undefined : missing };
    this.#incomplete.delete(key);
    const bodies = Array.from({ length: count }, (_, index) => report.packets.get(index + 1)!);
    return { body: Buffer.concat(bodies).subarray(0, SL651_LIMITS.body * SL651_LIMITS.packets) };
  }

  #down(frame: UpFrame, serial: string, end: number, missing?: { count: number; number: number }): Buffer {
    const time = writeTime(this.#options.clock.now(), this.#options.utcOffsetHours ?? 8);
    return writeDownFrame(frame, { serial, time, end, ...(missing && { missing }) });
  }

  #refuse(why: string, station?: string) {
    this.#count.refused += 1;
    this.#options.log.warn('telemetry frame refused', { why, station });
  }
}

function gaugeState(id: string, state: 'ready' | 'degraded') {
  return { id, kind: 'gauge' as const, state };
}
