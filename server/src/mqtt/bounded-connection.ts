import { Duplex } from 'node:stream';
import type { Socket } from 'node:net';

/**
 * Follows the fixed headers of a stream of MQTT packets (MQTT 3.1.1 §2.2) without looking into them, so that a packet
 * that is too large is refused at its first bytes instead of being gathered in memory.
 */
export class PacketSizeGuard {
  readonly #limitBytes: number;
  #state: 'type' | 'length' | 'body' = 'type';
  #length = 0;
  #shift = 0;
  #left = 0;

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  /** Takes the next bytes. Returns why the connection must end, or undefined when all is well. */
  take(chunk: Uint8Array): string | undefined {
    let at = 0;
    while (at < chunk.length) {
      if (this.#state === 'type') {
        const type = chunk[at]! >> 4;
        if (type === 0 || type === 15) return `packet type ${type} is reserved`;
        at += 1;
        this.#state = 'length';
        this.#length = 0;
        this.#shift = 0;
      } else if (this.#state === 'length') {
        const byte = chunk[at]!;
        at += 1;
        this.#length += (byte & 0x7f) * 2 ** this.#shift;
        this.#shift += 7;
        if (this.#length > this.#limitBytes)
          return `a packet of ${this.#length} bytes or more; the limit is ${this.#limitBytes}`;
        if (byte & 0x80) {
          if (this.#shift > 21) return 'a remaining length of more than four bytes';
          continue;
        }
        this.#left = this.#length;
        this.#state = this.#left > 0 ? 'body' : 'type';
      } else {
        const step = Math.min(this.#left, chunk.length - at);
        at += step;
        this.#left -= step;
        if (this.#left === 0) this.#state = 'type';
      }
    }
    return undefined;
  }
}

/** A TCP connection that ends itself, with `onRefused`, when the peer begins a packet larger than the limit. */
export class BoundedConnection extends Duplex {
  readonly #socket: Socket;

  constructor(socket: Socket, limitBytes: number, onRefused: (why: string) => void) {
    super({ allowHalfOpen: false });
    this.#socket = socket;
    const guard = new PacketSizeGuard(limitBytes);
    socket.on('data', (chunk) => {
      const why = guard.take(chunk);
      if (why) {
        onRefused(why);
        this.destroy();
        return;
      }
      if (!this.push(chunk)) socket.pause();
    });
    socket.on('end', () => this.push(null));
    socket.on('error', (error) => this.destroy(error));
    socket.on('close', () => this.destroy());
  }

  override _read() {
    this.#socket.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void) {
    this.#socket.write(chunk, done);
  }

  override _final(done: () => void) {
    this.#socket.end(done);
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void) {
    this.#socket.destroy();
    done(error);
  }
}
