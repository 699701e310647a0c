import type { Log } from '#kernel/log.ts';
import { type Arrived, type DatagramSocket, type SendTo, openNodeSocket } from './datagram-socket.ts';
import type { Address, Flow } from './flow.ts';
import type { Intake } from './intake.ts';
import { openKernelSocket } from './kernel-socket.ts';

/** What fits into a UDP datagram over IPv4. */
const DATAGRAM_BYTES_LIMIT = 65_507;

/**
 * The UDP listening point.
 *
 * Deviation from RFC 3261 §18.1.1: a request larger than 1300 octets stays on UDP unless its target says
 * `;transport=tcp`. Phones that register over UDP seldom listen on TCP, and the fragments of a datagram do pass in the
 * networks this serves; falling back would trade a rare loss for a sure delay. A trunk behind a link that drops
 * fragments is configured with `;transport=tcp`.
 */
export class UdpTransport implements AsyncDisposable {
  readonly #socket: DatagramSocket;
  readonly #flows = new Map<string, UdpFlow>();

  private constructor(socket: DatagramSocket) {
    this.#socket = socket;
  }

  /** Throws the system's error (EADDRINUSE and the like) when the port cannot be had. */
  static async open(host: string, port: number, intake: Intake, log: Log): Promise<UdpTransport> {
    const arrived: Arrived = (bytes, from, fromPort) => intake.datagram(bytes, transport.flowTo(from, fromPort));
    const socket = openKernelSocket(host, port, arrived) ?? (await openNodeSocket(host, port, arrived, log));
    // Nothing arrives before the next turn of the loop.
    const transport = new UdpTransport(socket);
    return transport;
  }

  get address(): Address {
    return this.#socket.address;
  }

  /** The flow to an address; the same object for the same address while it is remembered. */
  flowTo(host: string, port: number, _domain?: string): Flow {
    const key = `${host}:${port}`;
    let flow = this.#flows.get(key);
    if (!flow) {
      // A UDP flow is only a name, so forgetting all of them costs nothing but making them again.
      if (this.#flows.size >= FLOWS_REMEMBERED) this.#flows.clear();
      flow = new UdpFlow({ host, port }, this.#socket.to(host, port));
      this.#flows.set(key, flow);
    }
    return flow;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#socket.close();
  }
}

const FLOWS_REMEMBERED = 20_000;

class UdpFlow implements Flow {
  readonly transport = 'udp';
  readonly isReliable = false;
  readonly isOpen = true;
  readonly remote: Address;
  readonly #send: SendTo;

  constructor(remote: Address, send: SendTo) {
    this.remote = remote;
    this.#send = send;
  }

  send(bytes: Buffer, onFailed?: (why: string) => void): void {
    if (bytes.length > DATAGRAM_BYTES_LIMIT) return onFailed?.('the message is too large for UDP');
    this.#send(bytes, onFailed);
  }

  onClosed(): () => void {
    return () => {};
  }
}
