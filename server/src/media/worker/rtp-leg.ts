import { AnswererDetector, type Answerer } from '../answerer.ts';
import { isWide, clockTimes, type AudioCodec } from '../codecs/codec.ts';
import { FRAME_SAMPLES, WIDE_FRAME_SAMPLES } from '../jitter-buffer.ts';
import type { Mix, Voice } from '../mixer.ts';
import { estimateMos } from '../quality.ts';
import { isRtcp } from '../rtp.ts';
import { IncomingRtp } from './incoming-rtp.ts';
import { endpointOfKey, isSameHost, type MediaSocket } from './io.ts';
import { LegDigits } from './leg-digits.ts';
import { MediaNode, type Tick } from './node.ts';
import { OutgoingRtp } from './outgoing-rtp.ts';
import type { Report, RtpConfiguration, RtpStatistics } from './protocol.ts';
import { RtcpSession } from './rtcp-session.ts';

export interface RtpLegOptions {
  id: string;
  label: string;
  ssrc: number;
  sequence: number;
  timestamp: number;
  cname: string;
  report: (report: Report) => void;
}

/** One RTP port: what it receives (`incoming-rtp.ts`) is its voice, what it hears it sends (`outgoing-rtp.ts`). */
export class RtpLeg extends MediaNode {
  readonly label: string;
  readonly canSpeak = true;
  readonly canListen = true;
  isLevelWatched = false;
  readonly #report: (report: Report) => void;
  readonly #in: IncomingRtp;
  readonly #out: OutgoingRtp;
  readonly #rtcp: RtcpSession;
  readonly #digits: LegDigits;
  #socket: MediaSocket | undefined;
  #rtcpSocket: MediaSocket | undefined;
  #configuration: RtpConfiguration | undefined;
  /** Present until it is known who has answered, where that is asked. */
  #answerer: { detector: AnswererDetector; tell: (answerer: Answerer) => void } | undefined;
  /** The leg that gets our packets as they come. */
  #relay: RtpLeg | undefined;

  constructor(options: RtpLegOptions) {
    super(options.id);
    const { id, report } = options;
    this.label = options.label;
    this.#report = report;
    this.#rtcp = new RtcpSession(options.cname);
    this.#digits = new LegDigits((digit, durationMs, by) =>
      report({ about: id, what: 'digit', digit, durationMs, by }),
    );
    this.#out = new OutgoingRtp(options, this.#digits);
    this.#in = new IncomingRtp({
      ...{ id, report, meter: this.meter, digits: this.#digits },
      moved: () => this.#follow(),
      becomeWide: () => this.#setWidth(true),
    });
  }

  get port(): number {
    return this.#socket?.port ?? 0;
  }

  attach(socket: MediaSocket, rtcpSocket: MediaSocket | undefined): void {
    this.#socket = this.#out.socket = socket;
    this.#rtcpSocket = rtcpSocket;
  }

  /** May be called again: SSRC, sequence and timestamps go on. */
  configure(configuration: RtpConfiguration, nowMs: number): void {
    this.#configuration = configuration;
    this.#out.configure(configuration);
    this.#in.configure(configuration, nowMs);
    this.#agreeOn(configuration.codec);
    this.#digits.listenInSound(configuration.inbandDigits === true);
    this.#follow();
  }

  /** A packet from the RTP port; RTCP may come muxed with it (RFC 5761). */
  receive(packet: Uint8Array, received: number, fromKey: number, arrivedAtMs: number): void {
    if (!this.#configuration) return;
    if (!isRtcp(packet, received)) this.#in.receive(packet, received, fromKey, arrivedAtMs);
    else if (this.#in.source === fromKey) this.#takeRtcp(packet, received, true, fromKey, arrivedAtMs);
  }

  /** RTCP from the port of its own: only from the machine that the media come from. */
  receiveRtcp(packet: Uint8Array, length: number, fromKey: number, arrivedAtMs: number): void {
    const { remote } = this.#out;
    if (remote && isRtcp(packet, length) && isSameHost(fromKey, remote.key))
      this.#takeRtcp(packet, length, false, fromKey, arrivedAtMs);
  }

  #takeRtcp(packet: Uint8Array, received: number, isMuxed: boolean, fromKey: number, arrivedAtMs: number): void {
    const { srtp } = this.#in;
    const length = srtp ? srtp.unprotectRtcp(packet, received) : received;
    if (length < 0) return this.#in.intruders.note('key', fromKey);
    this.#rtcp.receive(packet, length, this.#out.ssrc, isMuxed, arrivedAtMs);
    this.#in.noteReport(arrivedAtMs);
  }

  /** Hands what comes in to `target` as it comes, or (undefined) to the jitter buffer again. */
  relayTo(target: RtpLeg | undefined): void {
    if (target === this.#relay) return;
    if (this.#relay) this.#relay.#out.endRelay();
    this.#relay = target;
    this.#in.relay = target && target.#out;
    this.#in.begin();
    this.#socket?.setUrgent(target !== undefined);
  }

  override produce(tick: Tick): void {
    this.hasSound = this.#in.read(this.frame, tick);
    if (this.#answerer) this.#listenForAnswerer(this.#answerer);
    if (this.#digits.listen(this.hasSound ? this.frame : undefined)) this.hasSound = false;
    if (this.hasSound) this.measure();
    else this.peak = 0;
  }

  override consume(mix: Mix | undefined, own: Voice | undefined, tick: Tick): void {
    this.#out.consume(mix, own, tick);
  }

  /** Ten times a second: what is overdue, what is lost, reports. */
  tend(nowMs: number): void {
    this.#digits.checkOverdue(nowMs);
    this.#in.tend(nowMs);
    const configuration = this.#configuration;
    const { remote, ssrc, rtpTime, packetsSent, octetsSent, srtp } = this.#out;
    if (!configuration) return;
    const socket = this.#rtcp.isMuxed || configuration.rtcp === 'muxed' ? this.#socket : this.#rtcpSocket;
    if (configuration.rtcp === 'none' || !remote || !socket) return;
    const port = socket === this.#socket ? remote.port : remote.port + 1;
    this.#rtcp.tend(nowMs, socket, remote.host, port, {
      ssrc,
      timestamp: rtpTime,
      packets: packetsSent,
      octets: octetsSent,
      reception: this.#in.reception,
      srtp,
    });
  }

  reportLevel(): void {
    const { meter } = this;
    if (!this.isLevelWatched) return;
    this.#report({
      about: this.id,
      what: 'level',
      levelDb: Math.round(meter.levelDb * 10) / 10,
      isSpeaking: meter.isSpeaking,
    });
    meter.toldDb = meter.levelDb;
  }

  whoAnswers(): Promise<Answerer> {
    return new Promise((resolve) => {
      this.#answerer?.tell('unknown');
      this.#answerer = { detector: new AnswererDetector(), tell: resolve };
      this.#in.isListenedTo = true;
    });
  }

  #listenForAnswerer({ detector, tell }: { detector: AnswererDetector; tell: (answerer: Answerer) => void }): void {
    const verdict = detector.listen(this.hasSound ? this.frame : undefined);
    if (!verdict) return;
    this.#answerer = undefined;
    this.#in.isListenedTo = false;
    tell(verdict);
  }

  /** @returns false when a character is no digit */
  sendDigits(digits: string, durationMs: number, gapMs: number, done: () => void): boolean {
    const asEvents = this.#configuration?.telephoneEventPayloadType !== undefined;
    return this.#digits.queue(digits, durationMs, gapMs, asEvents, done);
  }

  get canSendDigits(): boolean {
    return this.#out.mayTransmit;
  }

  statistics(): RtpStatistics {
    const incoming = this.#in;
    const { reception, counts, delayMs: bufferedMs } = incoming;
    const { lossPercent, received } = reception;
    const { remote, ssrc, packetsSent, octetsSent } = this.#out;
    const wayMs = (this.#rtcp.findings.roundTripMs ?? 0) / 2;
    const delayMs = wayMs + (this.#configuration?.ptimeMs ?? 0) + bufferedMs;
    return {
      packetsReceived: received,
      packetsSent,
      octetsReceived: reception.octets,
      octetsSent,
      packetsLost: reception.lost,
      packetsInjected: incoming.intruders.count,
      packetsUnknown: incoming.unknown,
      latePackets: counts.latePackets,
      concealedFrames: counts.concealedFrames,
      jitterMs: reception.jitterMs,
      bufferedMs,
      codec: this.#configuration?.codec,
      isSecured: incoming.srtp !== undefined,
      lossPercent,
      mos: received === 0 ? undefined : estimateMos({ lossPercent, delayMs }),
      ...this.#rtcp.findings,
      remote: remote && { host: remote.host, port: remote.port },
      ssrc,
      remoteSsrc: reception.ssrc,
    };
  }

  override close(): void {
    this.#digits.clear();
    this.#answerer?.tell('unknown');
    this.#socket?.close();
    this.#rtcpSocket?.close();
  }

  /** What is sent from now on; nothing is touched when the codec stays what it was. */
  #agreeOn(codec: AudioCodec): void {
    if (!this.#out.agreeOn(codec)) return;
    this.#rtcp.unitsPerMs = 8 * clockTimes(codec);
    const hasBeenWide = this.#in.isWide;
    this.#in.expect(codec);
    if (hasBeenWide || isWide(codec)) this.#setWidth(isWide(codec));
  }

  /** Frames of 16 kHz, or of 8. */
  #setWidth(isWide: boolean): void {
    this.#in.setWidth(isWide);
    this.#out.setWidth(isWide);
    this.frame = new Int16Array(isWide ? WIDE_FRAME_SAMPLES : FRAME_SAMPLES);
    this.hasSound = false;
  }

  /** Sends from now on to where the latched source is. */
  #follow(): void {
    const key = this.#in.source;
    if (key === undefined) this.#out.remote = undefined;
    else if (this.#out.remote?.key !== key) this.#out.remote = endpointOfKey(key);
  }
}
