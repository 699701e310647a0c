import { MESSAGE_LIMITS, findHeadEnd } from '../message/parse.ts';

export type Frame =
  | { kind: 'message'; head: Buffer; body: Buffer }
  /** A double CR LF: the peer asks whether the connection lives (RFC 5626 §4.4.1). */
  | { kind: 'ping' }
  /** The stream cannot be followed any further. */
  | { kind: 'broken'; complaint: string };

/**
 * Cuts a stream into messages by Content-Length (RFC 3261 §18.3). It holds at most one message of the allowed size; what
 * exceeds that, or names no length, breaks the stream.
 */
export class StreamFramer {
  #pending: Buffer = Buffer.alloc(0);
  /** Octets that `#pending` must hold before looking again is worth while. */
  #wanted = 0;

  /** True while a message has begun and not ended. */
  get isInsideMessage(): boolean {
    return this.#pending.length > 4;
  }

  *push(chunk: Buffer): Generator<Frame> {
    this.#pending = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk]);
    if (this.#pending.length < this.#wanted) return;
    for (;;) {
      const start = this.#skipEmptyLines();
      if (start >= 4) yield { kind: 'ping' };
      if (this.#pending.length === 0) return;
      const head = findHeadEnd(this.#pending, 0);
      if (!head || head.end > MESSAGE_LIMITS.headBytes) {
        if (this.#pending.length > MESSAGE_LIMITS.headBytes) yield this.#break('the headers do not end');
        return;
      }
      const length = contentLength(this.#pending.toString('latin1', 0, head.end));
      if (length === undefined || length > MESSAGE_LIMITS.bodyBytes) {
        yield this.#break('Content-Length is missing, malformed or too large');
        return;
      }
      const end = head.bodyStart + length;
      if (this.#pending.length < end) {
        this.#wanted = end;
        return;
      }
      this.#wanted = 0;
      const whole = this.#pending;
      this.#pending = whole.subarray(end);
      yield { kind: 'message', head: whole.subarray(0, head.end), body: whole.subarray(head.bodyStart, end) };
    }
  }

  #skipEmptyLines(): number {
    let i = 0;
    while (i < this.#pending.length && (this.#pending[i] === 0x0d || this.#pending[i] === 0x0a)) i += 1;
    // Half a ping stays until its other half is here.
    if (i === this.#pending.length && i < 4) return 0;
    this.#pending = this.#pending.subarray(i);
    return i;
  }

  #break(complaint: string): Frame {
    this.#pending = Buffer.alloc(0);
    return { kind: 'broken', complaint };
  }
}

/** The Content-Length of a head, in either spelling; undefined when there is none or it is no number. */
function contentLength(head: string): number | undefined {
  const found = /\r?\n(?:content-length|l)[ \t]*:[ \t]*(\d{1,9})[ \t]*(?=\r?\n)/i.exec(head);
  return found ? Number(found[1]) : undefined;
}
