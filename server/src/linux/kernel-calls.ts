import { endianness } from 'node:os';
import koffi from 'koffi';
import { DispatchError } from '#kernel/errors.ts';

/**
 * The Linux system calls that media and signalling send and receive by where Node's own sockets cost too much (ADR 11), and
 * the layouts of their structures on 64-bit little-endian machines. This is the only file that knows them, and the only
 * home of koffi.
 */
export interface KernelCalls {
  socket(family: number, type: number, protocol: number): number;
  bind(fd: number, address: Uint8Array, length: number): number;
  getsockname(fd: number, address: Uint8Array, length: Uint8Array): number;
  setsockopt(fd: number, level: number, name: number, value: Uint8Array, length: number): number;
  sendto(fd: number, bytes: Uint8Array, length: number, flags: number, to: Uint8Array, toLength: number): number;
  recvfrom(
    fd: number,
    into: Uint8Array,
    length: number,
    flags: number,
    from: Uint8Array,
    fromLength: Uint8Array,
  ): number;
  recvmmsg(fd: number, vector: Uint8Array, length: number, flags: number, timeout: null): number;
  close(fd: number): number;
  read(fd: number, into: Uint8Array, length: number): number;
  clock_gettime(clock: number, into: Uint8Array): number;
  eventfd(initial: number, flags: number): number;
  timerfd_create(clock: number, flags: number): number;
  timerfd_settime(fd: number, flags: number, value: Uint8Array, old: null): number;
  epoll_create1(flags: number): number;
  epoll_ctl(epoll: number, operation: number, fd: number, event: Uint8Array): number;
  epoll_wait(epoll: number, events: Uint8Array, length: number, timeoutMs: number): number;
  /** The code of the last failed call: 'EADDRINUSE' and the like. */
  lastError(): string;
  /** Where this memory lies; it must be an ArrayBuffer of its own, which does not move. */
  addressOf(memory: Uint8Array): bigint;
  /** Has the loop of this process call back whenever the descriptor can be read, until closed; close it before the descriptor. */
  watch(fd: number, readable: () => void): Watch;
}

export interface Watch {
  close(): void;
}

const SIGNATURES = [
  'int socket(int, int, int)',
  'int bind(int, void *, uint32)',
  'int getsockname(int, void *, void *)',
  'int setsockopt(int, int, int, void *, uint32)',
  'int64 sendto(int, void *, uint64, int, void *, uint32)',
  'int64 recvfrom(int, void *, uint64, int, void *, void *)',
  'int recvmmsg(int, void *, uint32, int, void *)',
  'int close(int)',
  'int64 read(int, void *, uint64)',
  'int clock_gettime(int, void *)',
  'int eventfd(uint32, int)',
  'int timerfd_create(int, int)',
  'int timerfd_settime(int, int, void *, void *)',
  'int epoll_create1(int)',
  'int epoll_ctl(int, int, int, void *)',
  'int epoll_wait(int, void *, int, int)',
];

export const AF_INET = 2;
export const SOCK_DGRAM = 2;
/** SOCK_NONBLOCK, TFD_NONBLOCK, EFD_NONBLOCK; and the close-on-exec flags, which are alike as well. */
export const NON_BLOCKING = 0o4000;
export const CLOSE_ON_EXEC = 0o2000000;
export const SOL_SOCKET = 1;
export const SO_SNDBUF = 7;
export const SO_RCVBUF = 8;
export const SO_TIMESTAMPNS = 35;
export const MSG_DONTWAIT = 0x40;
export const CLOCK_REALTIME = 0;
export const CLOCK_MONOTONIC = 1;
export const EPOLLIN = 1;
export const EPOLL_CTL_ADD = 1;
export const EPOLL_CTL_DEL = 2;

/** `struct epoll_event` is packed on x86-64 only. */
export const EPOLL_EVENT_BYTES = process.arch === 'x64' ? 12 : 16;
export const EPOLL_DATA_AT = process.arch === 'x64' ? 4 : 8;

/** @throws DispatchError INTERNAL where these calls cannot be made; the caller then does without */
export function loadKernelCalls(): KernelCalls {
  const isKnown = process.platform === 'linux' && ['x64', 'arm64'].includes(process.arch) && endianness() === 'LE';
  if (!isKnown) throw new DispatchError('INTERNAL', `no batched sockets on ${process.platform} ${process.arch}`);
  const library = koffi.load('libc.so.6');
  const calls = Object.fromEntries(
    SIGNATURES.map((signature) => [/(\w+)\(/.exec(signature)![1]!, library.func(signature)]),
  );
  const names = new Map(Object.entries(koffi.os.errno).map(([name, number]) => [number, name]));
  return {
    ...(calls as unknown as KernelCalls),
    lastError: () => names.get(koffi.errno()) ?? `errno ${koffi.errno()}`,
    addressOf: (memory) => koffi.address(memory),
    watch: (fd, readable) => koffi.node.poll(fd, { readable: true }, readable),
  };
}

/** `struct sockaddr_in` of an IPv4 address. */
export function kernelAddress(host: string, port: number): Uint8Array {
  const address = new Uint8Array(16);
  address[0] = AF_INET;
  address[2] = port >> 8;
  address[3] = port;
  address.set(host.split('.').map(Number), 4);
  return address;
}

/** Where the kernel writes whom a datagram is from: a `struct sockaddr_in` and its length. */
export class SourceAddress {
  readonly bytes = new Uint8Array(16);
  readonly length = new Uint8Array([16, 0, 0, 0]);

  /** The kernel has written how much it used; to be called before the next call. */
  reset(): void {
    this.length[0] = 16;
  }

  get port(): number {
    return (this.bytes[2]! << 8) | this.bytes[3]!;
  }

  /** The address as one number, for look-ups. */
  get ipv4(): number {
    const { bytes } = this;
    return (bytes[4]! << 24) | (bytes[5]! << 16) | (bytes[6]! << 8) | bytes[7]!;
  }

  /** The address as text. */
  get host(): string {
    return this.bytes.subarray(4, 8).join('.');
  }
}
