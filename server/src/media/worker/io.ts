import { isIPv4 } from 'node:net';

/** Where a packet goes. `key` tells addresses apart without comparing text. */
export interface Endpoint {
  readonly host: string;
  readonly port: number;
  readonly key: number;
  /** The address as the kernel wants it, filled in by the I/O that needs it. */
  kernelAddress?: Uint8Array;
}

/** Called for every packet. `packet` is lent for the time of the call; only its first `length` bytes mean anything. */
export type Receive = (packet: Uint8Array, length: number, fromKey: number, arrivedAtMs: number) => void;

/** One UDP port. */
export interface MediaSocket {
  readonly port: number;
  /** The packet is copied before this returns. What cannot be sent at once is dropped, as a network would. */
  send(packet: Uint8Array, length: number, to: Endpoint): void;
  /** Whether packets are handed over the moment they arrive, and not only at the next drain. */
  setUrgent(isUrgent: boolean): void;
  close(): void;
}

/** How the thread reaches the network and learns of time: batched system calls on Linux, dgram elsewhere. */
export interface MediaIo {
  readonly kind: 'batched' | 'dgram';
  /** Written to by the engine after it posted a message, when the thread sleeps in the kernel. */
  readonly wakeFd: number | undefined;
  /** Opens a port; `rarely` says that it may be looked at only now and then (RTCP). */
  open(
    host: string,
    port: number,
    receive: Receive,
    done: (error: NodeJS.ErrnoException | undefined, socket?: MediaSocket) => void,
    rarely?: boolean,
  ): void;
  /** Hands over what has arrived and was not handed over yet. */
  drain(): void;
  /** Calls `tick` every 20 ms with the monotonic time and the number of ticks that had to be skipped before it. */
  run(tick: (nowMs: number, skipped: number, latenessMs: number) => void): void;
  stop(): void;
}

export const TICK_MS = 20;

/** Numbers given to IPv6 endpoints; bounded by starting over, which at worst makes a leg latch again. */
const internedKeys = new Map<string, number>();
const internedEndpoints = new Map<number, { host: string; port: number }>();
const INTERNED_LIMIT = 100_000;
let nextInterned = -1;

/** The key of an address: for IPv4 made of its bits, for IPv6 a number given at first sight. */
export function endpointKey(host: string, port: number): number {
  const address = host.startsWith('::ffff:') && isIPv4(host.slice(7)) ? host.slice(7) : host;
  if (isIPv4(address)) {
    let bits = 0;
    for (const part of address.split('.')) bits = bits * 256 + Number(part);
    return bits * 65_536 + port;
  }
  const text = `${address}/${port}`;
  const known = internedKeys.get(text);
  if (known !== undefined) return known;
  if (internedKeys.size >= INTERNED_LIMIT) {
    internedKeys.clear();
    internedEndpoints.clear();
  }
  const key = nextInterned--;
  internedKeys.set(text, key);
  internedEndpoints.set(key, { host: address, port });
  return key;
}

export function endpointOf(host: string, port: number): Endpoint {
  return { host, port, key: endpointKey(host, port) };
}

export function endpointOfKey(key: number): Endpoint {
  if (key < 0) return { ...(internedEndpoints.get(key) ?? { host: '::', port: 9 }), key };
  const bits = Math.floor(key / 65_536);
  const host = [bits >>> 24, (bits >>> 16) & 255, (bits >>> 8) & 255, bits & 255].join('.');
  return { host, port: key % 65_536, key };
}

export function isSameHost(oneKey: number, otherKey: number): boolean {
  if (oneKey < 0 || otherKey < 0) return endpointOfKey(oneKey).host === endpointOfKey(otherKey).host;
  return Math.floor(oneKey / 65_536) === Math.floor(otherKey / 65_536);
}
