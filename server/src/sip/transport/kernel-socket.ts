import { isIPv4 } from 'node:net';

import * as k from '#linux/kernel-calls.ts';
import { type Arrived, type DatagramSocket, type SendTo, SOCKET_BUFFER_BYTES } from './datagram-socket.ts';

/** A UDP datagram holds no more. */
const DATAGRAM_BYTES = 65_535;
/** Datagrams read before the loop of the process has its turn again, so that a flood does not starve all else. */
const READ_IN_ONE_GO = 32;
/** Addresses remembered as text; all are forgotten when there are more, which costs only writing them anew. */
const HOSTS_REMEMBERED = 20_000;

/**
 * The socket by system calls of our own (ADR 11): Node's loop says when there is something to read, one `recvfrom` reads it
 * and one `sendto` sends. Node's `dgram` makes for each datagram a buffer of 64 KB and cuts it down, an object for the
 * sender, a request for the answer, a look-up of an address that is one already; together that costs as much as a
 * REGISTER is worked on.
 *
 * Undefined where it cannot be had: no Linux, a host name, IPv6, a port that is taken. Node's own socket then says why.
 */
export function openKernelSocket(host: string, port: number, arrived: Arrived): DatagramSocket | undefined {
  if (!isIPv4(host)) return undefined;
  let calls: k.KernelCalls;
  try {
    calls = k.loadKernelCalls();
  } catch {
    return undefined;
  }
  const fd = calls.socket(k.AF_INET, k.SOCK_DGRAM | k.NON_BLOCKING | k.CLOSE_ON_EXEC, 0);
  if (fd < 0) return undefined;
  if (calls.bind(fd, k.kernelAddress(host, port), 16) < 0) {
    calls.close(fd);
    return undefined;
  }
  // The system may give less; then a burst is lost earlier, and SIP sends again.
  const size = new Uint8Array(new Uint32Array([SOCKET_BUFFER_BYTES]).buffer);
  for (const name of [k.SO_RCVBUF, k.SO_SNDBUF]) calls.setsockopt(fd, k.SOL_SOCKET, name, size, size.length);
  return new KernelSocket(calls, fd, arrived);
}

class KernelSocket implements DatagramSocket {
  readonly address: { host: string; port: number };
  readonly #calls: k.KernelCalls;
  readonly #fd: number;
  readonly #arrived: Arrived;
  readonly #watch: k.Watch;
  readonly #bytes = Buffer.from(new ArrayBuffer(DATAGRAM_BYTES));
  readonly #from = new k.SourceAddress();
  readonly #hosts = new Map<number, string>();
  #isClosed = false;

  constructor(calls: k.KernelCalls, fd: number, arrived: Arrived) {
    this.#calls = calls;
    this.#fd = fd;
    this.#arrived = arrived;
    calls.getsockname(fd, this.#from.bytes, this.#from.length);
    this.address = { host: this.#from.host, port: this.#from.port };
    this.#watch = calls.watch(fd, () => this.#read());
  }

  to(host: string, port: number): SendTo {
    if (!isIPv4(host)) return (_bytes, onFailed) => onFailed?.('an IPv4 socket does not reach this address');
    const address = k.kernelAddress(host, port);
    return (bytes, onFailed) => {
      if (this.#isClosed) return onFailed?.('the socket is closed');
      if (this.#calls.sendto(this.#fd, bytes, bytes.length, k.MSG_DONTWAIT, address, 16) === bytes.length) return;
      const why = this.#calls.lastError();
      // No room means that megabytes wait to go out: lost like a datagram in the network, and sent again by the same rules.
      if (why !== 'EAGAIN' && why !== 'ENOBUFS') onFailed?.(why);
    };
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#watch.close();
    this.#calls.close(this.#fd);
  }

  #read(): void {
    for (let i = 0; i < READ_IN_ONE_GO && !this.#isClosed; i += 1) {
      this.#from.reset();
      const length = this.#calls.recvfrom(
        this.#fd,
        this.#bytes,
        DATAGRAM_BYTES,
        k.MSG_DONTWAIT,
        this.#from.bytes,
        this.#from.length,
      );
      // Nothing more is there; or an error that belongs to a datagram sent earlier, and that its sender finds out by itself.
      if (length < 0) return;
      this.#arrived(Buffer.from(this.#bytes.subarray(0, length)), this.#hostOf(this.#from), this.#from.port);
    }
  }

  #hostOf(from: k.SourceAddress): string {
    const { ipv4 } = from;
    let host = this.#hosts.get(ipv4);
    if (host === undefined) {
      if (this.#hosts.size >= HOSTS_REMEMBERED) this.#hosts.clear();
      host = from.host;
      this.#hosts.set(ipv4, host);
    }
    return host;
  }
}
