import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { Emitter, type Listenable } from '#kernel/emitter.ts';
import type { Answerer } from './answerer.ts';
import type { AudioCodec } from './codecs/codec.ts';
import type { ThreadPool } from './thread-pool.ts';
import type { MediaDirection, Report, RtpStatistics, SrtpConfiguration } from './worker/protocol.ts';

export interface RtpOptions {
  /** 'g722' makes it a leg of 16 kHz: what it hears of such legs is wideband. */
  codec: AudioCodec;
  payloadType: number;
  telephoneEventPayloadType?: number;
  /** Of the packets we send: 10 … 120, a multiple of 10; default 20. */
  ptimeMs?: number;
  /** Where the far end says it is. Absent: whoever sends first. A name is resolved. */
  remote?: { host: string; port: number };
  /** Whether a source that differs from `remote` may be taken (NAT); default true. See `worker/latch.ts` for the rule. */
  latch?: boolean;
  /** Ours: 'sendonly' sends and does not listen. */
  direction: MediaDirection;
  /** A fixed SSRC of our own (WebRTC); otherwise one by chance, kept for the port's life. */
  ssrc?: number;
  /** Tell 'media-lost' when nothing came for so long although the direction lets us hear. Absent: never. */
  mediaLostAfterMs?: number;
  /** Where our RTCP goes; default 'next-port', which becomes 'muxed' when the far end's comes muxed. */
  rtcp?: 'next-port' | 'muxed' | 'none';
  /**
   * Finds digits in the sound, for lines without telephone-events; default false. Packets are then not relayed past the
   * jitter buffer, and others do not hear the digits.
   */
  inbandDigits?: boolean;
  /**
   * What the far end may send besides `codec`: the formats of our own description, by its payload types. The static types
   * 0 and 8 are always taken.
   */
  accepts?: readonly { payloadType: number; codec: AudioCodec }[];
  /** Telephone-events of our own description, by its payload types; `clockRate` in Hz. */
  acceptsEvents?: readonly { payloadType: number; clockRate: number }[];
  /** The far end takes comfort noise of this type (RFC 3389): silence is then told, and not sent. */
  comfortNoisePayloadType?: number;
  /** SRTP instead of RTP: what does not carry the far end's key is refused. The same keys again go on where they were. */
  srtp?: SrtpConfiguration;
}

export interface RtpPortEvents extends Record<string, unknown[]> {
  /** A digit came to its end (RFC 4733, or in the sound where that is asked for). Told once for each. */
  digit: [{ digit: string; durationMs: number; by: 'telephone-event' | 'inband' }];
  'media-lost': [];
  /** The first packet came, or the first after a loss, or the source has moved. */
  'media-found': [{ remote: { host: string; port: number } }];
  /** At most ten times a second, on a change of 3 dB or of speaking. */
  level: [{ levelDb: number; isSpeaking: boolean }];
  closed: [];
}

/** One RTP leg: a UDP port in the media thread. Put on a bridge, what it receives is its voice and what it hears it sends. */
export class RtpPort implements Listenable<RtpPortEvents>, AsyncDisposable {
  readonly id: string;
  readonly label: string;
  readonly localHost: string;
  readonly localPort: number;
  readonly #link: ThreadPool;
  readonly #events = new Emitter<RtpPortEvents>();
  #isLevelWatched = false;
  #isClosed = false;

  constructor(options: { id: string; label: string; localHost: string; localPort: number; link: ThreadPool }) {
    this.id = options.id;
    this.label = options.label;
    this.localHost = options.localHost;
    this.localPort = options.localPort;
    this.#link = options.link;
  }

  on<Name extends keyof RtpPortEvents>(event: Name, listener: (...args: RtpPortEvents[Name]) => void): () => void {
    this.#watch(event);
    return this.#events.on(event, listener);
  }

  once<Name extends keyof RtpPortEvents>(event: Name, listener: (...args: RtpPortEvents[Name]) => void): () => void {
    this.#watch(event);
    return this.#events.once(event, listener);
  }

  /** Says what is agreed with the far end. May be called again (re-INVITE, hold): SSRC and sequence go on. */
  async configure(options: RtpOptions): Promise<void> {
    const { ptimeMs = 20, latch = true, rtcp = 'next-port', remote, ...rest } = options;
    const bounded = Math.max(10, Math.min(120, Math.round(ptimeMs / 10) * 10));
    const resolved = remote && { host: await addressOf(remote.host), port: remote.port };
    const configuration = { ...rest, ptimeMs: bounded, latch, rtcp, ...(resolved && { remote: resolved }) };
    await this.#link.ask('configure-rtp', { node: this.id, configuration });
  }

  /**
   * Sends digits (0-9 * # A-D), one after another: as telephone-events, or as tones in the sound where none are agreed.
   * Settles when the last was sent.
   * @throws DispatchError MEDIA_FORMAT_UNSUPPORTED while nothing may be sent, REQUEST_MALFORMED for other characters
   */
  async sendDigits(digits: string, options: { durationMs?: number; gapMs?: number } = {}): Promise<void> {
    const { durationMs = 160, gapMs = 80 } = options;
    await this.#link.ask('send-digits', { node: this.id, digits, durationMs, gapMs });
  }

  /**
   * Listens from now on who has answered: a person or a machine. Settles within 8 s, with 'unknown' when it cannot be told
   * or the port is closed before. Until then packets are not relayed past the jitter buffer.
   */
  whoAnswers(): Promise<Answerer> {
    return this.#link.ask('who-answers', { node: this.id }).catch(() => 'unknown');
  }

  statistics(): Promise<RtpStatistics> {
    return this.#link.ask('rtp-statistics', { node: this.id });
  }

  async close(_reason?: string): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.#link.ask('close-node', { node: this.id }).catch(() => {});
    this.#events.emit('closed');
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** For the engine: what the thread tells of this port. */
  receive(report: Report): void {
    if (report.what === 'digit') {
      const { digit, durationMs, by } = report;
      this.#events.emit('digit', { digit, durationMs, by });
    } else if (report.what === 'media-lost') this.#events.emit('media-lost');
    else if (report.what === 'media-found') this.#events.emit('media-found', { remote: report.remote });
    else if (report.what === 'level') {
      const { levelDb, isSpeaking } = report;
      this.#events.emit('level', { levelDb, isSpeaking });
    }
  }

  /** Levels are reported only of ports where somebody listens for them. */
  #watch(event: keyof RtpPortEvents): void {
    if (event !== 'level' || this.#isLevelWatched) return;
    this.#isLevelWatched = true;
    this.#link.ask('watch-level', { node: this.id }).catch(() => {});
  }
}

async function addressOf(host: string): Promise<string> {
  return isIP(host) ? host : (await lookup(host)).address;
}
