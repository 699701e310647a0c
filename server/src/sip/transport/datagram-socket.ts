import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { isIPv4, isIPv6 } from 'node:net';

import type { Log } from '#kernel/log.ts';
import { type Address, peerHost } from './flow.ts';

/** Room for the burst of a thousand phones that come back at once after a power cut. */
export const SOCKET_BUFFER_BYTES = 4 * 1024 * 1024;

/** What is called for each datagram; the bytes are the callee's to keep. */
export type Arrived = (bytes: Buffer, host: string, port: number) => void;

/** Sends one datagram to one peer; `onFailed` is called when the system knows that it did not go out. */
export type SendTo = (bytes: Buffer, onFailed?: (why: string) => void) => void;

/** A bound UDP socket that reads all that comes. */
export interface DatagramSocket {
  readonly address: Address;
  /** The way to one peer, to be kept: what can be made ready for it once is. */
  to(host: string, port: number): SendTo;
  close(): Promise<void>;
}

/** The socket as Node has it: on every system, for IPv6 and host names. Throws the system's error when the port cannot be had. */
export async function openNodeSocket(host: string, port: number, arrived: Arrived, log: Log): Promise<DatagramSocket> {
  const socket = createSocket({ type: isIPv6(host) ? 'udp6' : 'udp4' });
  const listening = once(socket, 'listening');
  socket.bind(port, host);
  await listening;
  try {
    socket.setRecvBufferSize(SOCKET_BUFFER_BYTES);
    socket.setSendBufferSize(SOCKET_BUFFER_BYTES);
  } catch {
    log.debug('SIP UDP buffers stay at the size of the system');
  }
  socket.on('message', (bytes, from) => arrived(bytes, peerHost(from.address), from.port));
  socket.on('error', (error) => log.warn('SIP UDP socket failed', { error }));
  const bound = socket.address();
  return {
    address: { host: bound.address, port: bound.port },
    to(peer, peerPort) {
      // A socket of IPv6 reaches an IPv4 peer by its mapped address.
      const sendTo = bound.family === 'IPv6' && isIPv4(peer) ? `::ffff:${peer}` : peer;
      return (bytes, onFailed) => {
        try {
          socket.send(bytes, peerPort, sendTo, (error) => {
            if (error) onFailed?.(error.message);
          });
        } catch (error) {
          // The socket is closed, or the port is 0: told like any other failure to send.
          onFailed?.(String(error));
        }
      };
    },
    close: () => new Promise<void>((resolve) => void socket.close(() => resolve())),
  };
}
