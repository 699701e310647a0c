import { isIPv4 } from 'node:net';

import * as k from '#linux/kernel-calls.ts';

/**
 * A bound UDP socket that is sent from by one system call. Node's own `send` makes a request object, looks the address up
 * and calls back for each datagram, which costs as much as all that a REGISTER is worked on; Node still receives on it.
 */
export interface QuickSocket {
  /** For `bind` of a dgram socket, which owns the descriptor from then on. */
  readonly fd: number;
  /** True when the kernel has taken the datagram; `to` is a `struct sockaddr_in`. */
  send(bytes: Uint8Array, to: Uint8Array): boolean;
  /** To be called before the descriptor is closed: another file may get its number. */
  stop(): void;
}

/** Undefined where it cannot be done so: no Linux, a host name, IPv6, a port that is taken. Node's own way then says why. */
export function openQuickSocket(host: string, port: number): QuickSocket | undefined {
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
  let isStopped = false;
  return {
    fd,
    send: (bytes, to) => !isStopped && calls.sendto(fd, bytes, bytes.length, k.MSG_DONTWAIT, to, 16) === bytes.length,
    stop: () => (isStopped = true),
  };
}
