import { createSocket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import { systemClock } from '#kernel/clock.ts';
import { endpointKey, TICK_MS, type Endpoint, type MediaIo, type MediaSocket, type Receive } from './io.ts';

/** Sockets of Node, and a tick by timer: works everywhere, at twice the cost of `batched-io.ts`. */
export function openDgramIo(): MediaIo {
  let isStopped = false;

  function open(
    host: string,
    port: number,
    receive: Receive,
    done: (error: NodeJS.ErrnoException | undefined, socket?: MediaSocket) => void,
  ): void {
    const family = isIPv6(host) ? 6 : 4;
    const socket = createSocket({
      type: family === 6 ? 'udp6' : 'udp4',
      // Addresses only: answering at once lets the packet leave before its memory is used again.
      lookup: (address, _options, callback) => callback(null, address, family),
    });
    let isOpen = false;
    socket.on('error', (error) => {
      if (!isOpen) done(error);
    });
    socket.on('message', (packet, from) =>
      receive(packet, packet.length, endpointKey(from.address, from.port), systemClock.monotonic()),
    );
    socket.bind({ address: host, port, exclusive: true }, () => {
      isOpen = true;
      done(undefined, {
        port: socket.address().port,
        send: (packet: Uint8Array, length: number, to: Endpoint) =>
          socket.send(packet, 0, length, to.port, to.host, ignore),
        setUrgent: () => {}, // Node hands every packet over at once.
        close: () => void socket.close(),
      });
    });
  }

  /** Each tick's time is counted from the first, so that lateness does not add up; `setInterval` drifts. */
  function run(tick: (nowMs: number, skipped: number, latenessMs: number) => void): void {
    let dueMs = systemClock.monotonic() + TICK_MS;
    const wait = () =>
      systemClock.after(Math.max(0, Math.floor(dueMs - systemClock.monotonic())), () => {
        if (isStopped) return;
        const nowMs = systemClock.monotonic();
        if (nowMs < dueMs - 0.5) return void wait();
        const skipped = Math.max(0, Math.floor((nowMs - dueMs) / TICK_MS));
        const latenessMs = nowMs - dueMs;
        dueMs += (skipped + 1) * TICK_MS;
        tick(nowMs, skipped, latenessMs);
        wait();
      });
    wait();
  }

  return { kind: 'dgram', wakeFd: undefined, open, drain: () => {}, run, stop: () => void (isStopped = true) };
}

function ignore(): void {
  // A packet that could not be sent is lost, as on any network.
}
