import { DispatchError } from '#kernel/errors.ts';
import type { MediaIo, MediaSocket, Receive } from './io.ts';

/** How often a free even port is tried for when ports are chosen by the system. */
const FREE_TRIES = 16;

export interface PortPair {
  rtp: MediaSocket;
  /** On the next port, where the far end expects it when RTCP is not muxed; absent when that port is taken. */
  rtcp: MediaSocket | undefined;
}

/** Hands out even ports of a range in turn, so that one just freed is not reused at once. */
export class RtpPorts {
  readonly #io: MediaIo;
  #cursor = 0;

  constructor(io: MediaIo) {
    this.#io = io;
  }

  /** @throws DispatchError MEDIA_PORTS_EXHAUSTED when no even port of the range can be opened */
  async open(
    host: string,
    [first, last]: [number, number],
    receiveRtp: Receive,
    receiveRtcp: Receive,
  ): Promise<PortPair> {
    const rtp =
      first === 0 ? await this.#openFree(host, receiveRtp) : await this.#openOfRange(host, first, last, receiveRtp);
    const rtcp = await this.#tryOpen(host, rtp.port + 1, receiveRtcp, true);
    return { rtp, rtcp: typeof rtcp === 'string' ? undefined : rtcp };
  }

  async #openFree(host: string, receive: Receive): Promise<MediaSocket> {
    const odd: MediaSocket[] = [];
    try {
      for (let i = 0; i < FREE_TRIES; i += 1) {
        const socket = await this.#tryOpen(host, 0, receive);
        if (typeof socket === 'string') throw new DispatchError('MEDIA_PORTS_EXHAUSTED', socket);
        if (socket.port % 2 === 0) return socket;
        odd.push(socket); // Kept until the end, or the system would offer it again.
      }
      return odd.pop()!;
    } finally {
      for (const socket of odd) socket.close();
    }
  }

  async #openOfRange(host: string, first: number, last: number, receive: Receive): Promise<MediaSocket> {
    const lowest = first + (first % 2);
    const pairs = Math.floor((last - lowest + 1) / 2);
    for (let i = 0; i < pairs; i += 1) {
      const port = lowest + 2 * (this.#cursor % pairs);
      this.#cursor += 1;
      const socket = await this.#tryOpen(host, port, receive);
      if (typeof socket !== 'string') return socket;
      if (socket === 'EADDRNOTAVAIL' || socket === 'EMFILE') throw new DispatchError('MEDIA_PORTS_EXHAUSTED', socket);
    }
    throw new DispatchError('MEDIA_PORTS_EXHAUSTED', `${first}-${last}`);
  }

  /** @returns the socket, or the code of the error */
  #tryOpen(host: string, port: number, receive: Receive, rarely = false): Promise<MediaSocket | string> {
    return new Promise((resolve) => {
      const done = (error: NodeJS.ErrnoException | undefined, socket?: MediaSocket) =>
        resolve(socket ?? error?.code ?? 'unknown error');
      this.#io.open(host, port, receive, done, rarely);
    });
  }
}
