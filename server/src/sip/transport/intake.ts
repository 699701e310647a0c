import type { Clock } from '#kernel/clock.ts';
import type { Log } from '#kernel/log.ts';
import { BadMessage } from '../message/bad-message.ts';
import { Request, Response, type SipMessage } from '../message/message.ts';
import { type Parsed, parseDatagram, parseMessage } from '../message/parse.ts';
import { type Flow, bracketed, flowLabel } from './flow.ts';
import { SourceThrottle } from './throttle.ts';

export type MessageHandler = (message: SipMessage, flow: Flow) => void;

/** Bad messages one source may send in ten seconds before it gets no more 400s. */
const GARBAGE_LIMIT = 20;
const GARBAGE_WINDOW_MS = 10_000;

/**
 * The door through which every message comes, whatever it came by: bytes in, checked messages out, garbage counted.
 * A bad request is answered with the status RFC 3261 names, unless its source sends too many; a bad response, an ACK
 * and what is no SIP at all are dropped.
 */
export class Intake {
  #handler: MessageHandler = () => {};
  readonly #garbage: SourceThrottle;
  readonly #log: Log;
  readonly #onGarbage: (source: string) => void;
  #received = 0;

  constructor(options: {
    clock: Clock;
    log: Log;
    onThrottled?: (source: string, untilMs: number) => void;
    onGarbage?: (source: string) => void;
  }) {
    this.#log = options.log;
    this.#onGarbage = options.onGarbage ?? (() => {});
    this.#garbage = new SourceThrottle({
      what: 'malformed SIP',
      limit: GARBAGE_LIMIT,
      windowMs: GARBAGE_WINDOW_MS,
      ...options,
    });
  }

  deliverTo(handler: MessageHandler): void {
    this.#handler = handler;
  }

  /** A datagram or a WebSocket message. */
  datagram(bytes: Buffer, flow: Flow): void {
    if (!isKeepAlive(bytes)) this.#take(parseDatagram(bytes), flow);
  }

  /** A message cut from a stream. */
  framed(head: Buffer, body: Buffer, flow: Flow): void {
    this.#take(parseMessage(head, body), flow);
  }

  /** A stream that cannot be cut into messages any more; its connection is about to be closed. */
  broken(flow: Pick<Flow, 'transport' | 'remote'>, complaint: string): void {
    this.#garbage.count(flow.remote.host);
    this.#onGarbage(flow.remote.host);
    this.#log.debug('SIP stream broken', { from: flowLabel(flow), complaint });
  }

  /** Answers a source again that has sent too much that is malformed. */
  release(source: string): boolean {
    return this.#garbage.release((each) => each === source);
  }

  snapshot(): object {
    return { received: this.#received, garbage: this.#garbage.total };
  }

  #take(parsed: Parsed, flow: Flow): void {
    this.#received += 1;
    if (parsed.kind === 'bad') return this.#refuse(parsed.status, parsed.complaint, parsed.request, flow);
    const { message } = parsed;
    try {
      if (message instanceof Request) markSource(message, flow);
      this.#handler(message, flow);
    } catch (error) {
      // A header read late was malformed. Any other error is a bug of ours; one message must not stop the house.
      if (error instanceof BadMessage)
        return this.#refuse(error.status, error.message, message instanceof Request ? message : undefined, flow);
      this.#log.error('SIP message failed', { from: flowLabel(flow), error });
      if (message instanceof Request && message.method !== 'ACK')
        flow.send(Response.to(message, 500, { toTag: 'failed' }).toBuffer());
    }
  }

  #refuse(status: number, complaint: string, request: Request | undefined, flow: Flow): void {
    const isOver = this.#garbage.count(flow.remote.host);
    this.#onGarbage(flow.remote.host);
    this.#log.debug('SIP message malformed', { from: flowLabel(flow), complaint, status });
    if (isOver || !request || request.method === 'ACK' || !request.has('Via')) return;
    // The complaint goes along as the reason, since that is what a device maker gets to see.
    const reason = status === 400 ? `Bad Request - ${complaint}` : undefined;
    flow.send(Response.to(request, status, { reason, toTag: 'malformed' }).toBuffer());
  }
}

/** CR LF pairs keep a NAT open and say nothing (RFC 5626 §4.4.1); so do the single octets some phones send. */
export function isKeepAlive(bytes: Buffer): boolean {
  if (bytes.length > 4) return false;
  for (const byte of bytes) if (byte !== 0x0d && byte !== 0x0a && byte !== 0) return false;
  return true;
}

/** Puts where the request really came from into its top Via (RFC 3261 §18.2.1, RFC 3581 §4). */
function markSource(request: Request, { remote }: Flow): void {
  const { via } = request;
  const wantsPort = via.params.has('rport');
  if (!wantsPort && via.host === bracketed(remote.host)) return;
  via.params.set('received', remote.host);
  if (wantsPort) via.params.set('rport', String(remote.port));
  request.rewriteTopVia(via);
}
