import type { Clock } from '#kernel/clock.ts';
import { silentLog } from '#kernel/log.ts';
import { ClosedSignal } from './closed-signal.ts';
import type { Address, Flow, Hop } from './flow.ts';
import { Intake, type MessageHandler } from './intake.ts';
import type { SipTransport } from './sip-transport.ts';

/** What the network does to a datagram: the delays in ms of its copies; an empty list loses it. */
type Weather = (bytes: Buffer, from: Address, to: Address) => number[];

/**
 * A network inside the test: transports that reach each other by host and port, through real bytes and the real parser.
 * Deliveries are set on the clock, so nothing happens until it is wound; UDP is under the weather, TCP is not.
 */
export class MemoryNetwork {
  readonly #clock: Clock;
  readonly #transports = new Map<string, MemoryTransport>();
  weather: Weather = () => [0];
  /** Everything that was sent, as text, for a test to look at. */
  readonly sent: { atMs: number; from: string; to: string; text: string }[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  open(host: string, port = 5060): MemoryTransport {
    const transport = new MemoryTransport(this, { host, port }, this.#clock);
    this.#transports.set(`${host}:${port}`, transport);
    return transport;
  }

  transportAt({ host, port }: Address): MemoryTransport | undefined {
    return this.#transports.get(`${host}:${port}`);
  }

  /** The first lines sent so far, in order: `alice>bob INVITE sip:bob@bob SIP/2.0`. */
  get firstLines(): string[] {
    return this.sent.map(({ from, to, text }) => `${from}>${to} ${text.slice(0, text.indexOf('\r\n'))}`);
  }

  carry(bytes: Buffer, flow: MemoryFlow, onFailed?: (why: string) => void): void {
    const from = flow.local;
    const to = flow.remote;
    this.sent.push({ atMs: this.#clock.now(), from: from.host, to: to.host, text: bytes.toString() });
    const receiver = this.transportAt(to);
    if (!receiver && flow.isReliable) {
      this.#clock.after(0, () => onFailed?.('connection refused'));
      return;
    }
    for (const delayMs of flow.isReliable ? [0] : this.weather(bytes, from, to))
      this.#clock.after(delayMs, () => receiver?.receive(Buffer.from(bytes), flow));
  }
}

class MemoryTransport implements SipTransport {
  readonly address: Address;
  readonly #network: MemoryNetwork;
  readonly #intake: Intake;
  readonly #flows = new Map<string, MemoryFlow>();

  constructor(network: MemoryNetwork, address: Address, clock: Clock) {
    this.#network = network;
    this.address = address;
    this.#intake = new Intake({ clock, log: silentLog });
  }

  deliverTo(handler: MessageHandler): void {
    this.#intake.deliverTo(handler);
  }

  addressFor(): Address {
    return this.address;
  }

  flowTo(hop: Hop): MemoryFlow {
    const key = `${hop.transport}:${hop.host}:${hop.port}`;
    let flow = this.#flows.get(key);
    if (!flow?.isOpen) {
      flow = new MemoryFlow(this.#network, this.address, hop);
      this.#flows.set(key, flow);
    }
    return flow;
  }

  receive(bytes: Buffer, over: MemoryFlow): void {
    this.#intake.datagram(bytes, this.flowTo({ transport: over.transport, ...over.local }));
  }

  handleWebSocketUpgrade(): void {
    throw new Error('there are no WebSockets in memory');
  }

  release(source: string): boolean {
    return this.#intake.release(source);
  }

  snapshot(): object {
    return this.#intake.snapshot();
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

class MemoryFlow implements Flow {
  readonly transport: Hop['transport'];
  readonly remote: Address;
  readonly local: Address;
  readonly #network: MemoryNetwork;
  readonly #closed = new ClosedSignal();

  constructor(network: MemoryNetwork, local: Address, { transport, host, port }: Hop) {
    this.#network = network;
    this.local = local;
    this.transport = transport;
    this.remote = { host, port };
  }

  get isReliable(): boolean {
    return this.transport !== 'udp';
  }

  get isOpen(): boolean {
    return !this.#closed.isClosed;
  }

  send(bytes: Buffer, onFailed?: (why: string) => void): void {
    if (this.isOpen) this.#network.carry(bytes, this, onFailed);
    else onFailed?.('the connection is closed');
  }

  onClosed(listener: () => void): () => void {
    return this.#closed.onClosed(listener);
  }

  /** Ends the connection, as a cut cable would. */
  close(): void {
    this.#closed.close();
  }
}
