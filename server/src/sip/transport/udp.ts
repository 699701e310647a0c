import { type Socket, createSocket } from 'node:dgram';
import { once } from 'node:events';
import { isIPv4, isIPv6 } from 'node:net';

import type { Log } from '#kernel/log.ts';
import { kernelAddress } from '#linux/kernel-calls.ts';
import { type Address, type Flow, peerHost } from './flow.ts';
import type { Intake } from './intake.ts';
import { type QuickSocket, openQuickSocket } from './quick-socket.ts';

/** Room for the burst of a thousand phones that come back at once after a power cut. */
const SOCKET_BUFFER_BYTES = 4 * 1024 * 1024;
/** A UDP datagram holds no more. */
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
  readonly #socket: Socket;
  readonly #flows = new Map<string, UdpFlow>();
  readonly #intake: Intake;
  readonly #isIPv6: boolean;
  readonly #quick: QuickSocket | undefined;

  private constructor(socket: Socket, quick: QuickSocket | undefined, intake: Intake, log: Log) {
    this.#socket = socket;
    this.#quick = quick;
    this.#intake = intake;
    this.#isIPv6 = socket.address().family === 'IPv6';
    socket.on('message', (bytes, { address, port }) =>
      this.#intake.datagram(bytes, this.flowTo(peerHost(address), port)),
    );
    socket.on('error', (error) => log.warn('SIP UDP socket failed', { error }));
  }

  /** Throws the system's error (EADDRINUSE and the like) when the port cannot be had. */
  static async open(host: string, port: number, intake: Intake, log: Log): Promise<UdpTransport> {
    const quick = openQuickSocket(host, port);
    const socket = createSocket({ type: isIPv6(host) ? 'udp6' : 'udp4' });
    const listening = once(socket, 'listening');
    if (quick) socket.bind({ fd: quick.fd });
    else socket.bind(port, host);
    await listening;
    try {
      socket.setRecvBufferSize(SOCKET_BUFFER_BYTES);
      socket.setSendBufferSize(SOCKET_BUFFER_BYTES);
    } catch {
      log.debug('SIP UDP buffers stay at the size of the system');
    }
    return new UdpTransport(socket, quick, intake, log);
  }

  get address(): Address {
    const { address, port } = this.#socket.address();
    return { host: address, port };
  }

  /** The flow to an address; the same object for the same address while it is remembered. */
  flowTo(host: string, port: number, _domain?: string): Flow {
    const key = `${host}:${port}`;
    let flow = this.#flows.get(key);
    if (!flow) {
      // A UDP flow is only a name, so forgetting all of them costs nothing but making them again.
      if (this.#flows.size >= FLOWS_REMEMBERED) this.#flows.clear();
      // A socket of IPv6 reaches an IPv4 peer by its mapped address.
      const sendTo = this.#isIPv6 && isIPv4(host) ? `::ffff:${host}` : host;
      flow = new UdpFlow(this.#socket, { host, port }, sendTo, isIPv4(host) ? this.#quick : undefined);
      this.#flows.set(key, flow);
    }
    return flow;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#quick?.stop();
    await new Promise<void>((resolve) => this.#socket.close(() => resolve()));
  }
}

const FLOWS_REMEMBERED = 20_000;

class UdpFlow implements Flow {
  readonly transport = 'udp';
  readonly isReliable = false;
  readonly isOpen = true;
  readonly remote: Address;
  readonly #socket: Socket;
  readonly #sendTo: string;
  readonly #quick: QuickSocket | undefined;
  readonly #kernelAddress: Uint8Array | undefined;

  constructor(socket: Socket, remote: Address, sendTo: string, quick: QuickSocket | undefined) {
    this.#socket = socket;
    this.remote = remote;
    this.#sendTo = sendTo;
    this.#quick = quick;
    this.#kernelAddress = quick && kernelAddress(remote.host, remote.port);
  }

  send(bytes: Buffer, onFailed?: (why: string) => void): void {
    if (bytes.length > DATAGRAM_BYTES_LIMIT) return onFailed?.('the message is too large for UDP');
    // What the kernel does not take at once goes the long way, which waits for room, or tells what is wrong.
    if (this.#kernelAddress && this.#quick!.send(bytes, this.#kernelAddress)) return;
    try {
      this.#socket.send(bytes, this.remote.port, this.#sendTo, (error) => {
        if (error) onFailed?.(error.message);
      });
    } catch (error) {
      // The socket is closed, or the port is 0: told like any other failure to send.
      onFailed?.(String(error));
    }
  }

  onClosed(): () => void {
    return () => {};
  }
}
