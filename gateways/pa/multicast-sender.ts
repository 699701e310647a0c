import { createSocket, type Socket } from 'node:dgram';
import type { Chance } from '@tocsin/server/kernel/chance.ts';
import { writeRtp } from '@tocsin/server/media';
import { readReceiverReports, type ReceiverReport } from './receiver-report.ts';

/** Tries to find two neighbouring free ports before giving up. */
const PORT_TRIES = 50;

/** One announcement to one group: its own SSRC and numbering, so that reports on it cannot be taken for another's. */
export interface Stream {
  readonly ssrc: number;
  readonly firstSequence: number;
  packets: number;
  send(alaw: Uint8Array): void;
}

/** Sends RTP to multicast groups from one port, and takes the horns' reports on the next (RFC 3550 §11). */
export class MulticastSender implements AsyncDisposable {
  readonly port: number;
  onReport: (report: ReceiverReport) => void = () => {};
  malformed = 0;
  readonly #rtp: Socket;
  readonly #rtcp: Socket;
  readonly #chance: Chance;

  /** Use openMulticastSender. */
  constructor(rtp: Socket, rtcp: Socket, chance: Chance) {
    this.#rtp = rtp;
    this.#rtcp = rtcp;
    this.#chance = chance;
    this.port = rtp.address().port;
    rtp.on('error', () => {});
    rtcp.on('error', () => {});
    rtcp.on('message', (packet) => {
      const reports = readReceiverReports(packet);
      if (!reports) this.malformed += 1;
      for (const report of reports ?? []) this.onReport(report);
    });
  }

  /** A new stream to a group; PCMA, stamped anew: one continuous numbering whatever the source does. */
  stream(group: string, port: number): Stream {
    const chance = this.#chance;
    const ssrc = Math.floor(chance.fraction() * 2 ** 32);
    const firstSequence = Math.floor(chance.fraction() * 60_000);
    let timestamp = Math.floor(chance.fraction() * 2 ** 32);
    const socket = this.#rtp;
    return {
      ssrc,
      firstSequence,
      packets: 0,
      send(alaw) {
        const sequence = (firstSequence + this.packets) & 0xffff;
        const packet = writeRtp({
          payloadType: 8,
          hasMarker: this.packets === 0,
          sequence,
          timestamp,
          ssrc,
          payload: alaw,
        });
        this.packets += 1;
        timestamp = (timestamp + alaw.length) >>> 0;
        socket.send(packet, port, group);
      },
    };
  }

  async [Symbol.asyncDispose]() {
    await Promise.all(
      [this.#rtp, this.#rtcp].map((socket) => new Promise<void>((resolve) => socket.close(() => resolve()))),
    );
  }
}

/** @param options.multicastInterface address of the interface whose network the horns are in; `ttl` 1 stays in that network */
export async function openMulticastSender(options: {
  multicastInterface: string;
  ttl: number;
  chance: Chance;
}): Promise<MulticastSender> {
  for (let attempt = 0; ; attempt++) {
    const rtp = await bind(0, options.multicastInterface);
    const port = rtp.address().port;
    try {
      if (port % 2 !== 0) throw new Error('RTP wants an even port');
      const rtcp = await bind(port + 1, options.multicastInterface);
      rtp.setMulticastTTL(options.ttl);
      rtp.setMulticastInterface(options.multicastInterface);
      rtp.setMulticastLoopback(true);
      return new MulticastSender(rtp, rtcp, options.chance);
    } catch (error) {
      rtp.close();
      if (attempt >= PORT_TRIES) throw error;
    }
  }
}

function bind(port: number, host: string): Promise<Socket> {
  const socket = createSocket('udp4');
  return new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.bind(port, host, () => {
      socket.off('error', reject);
      resolve(socket);
    });
  });
}
