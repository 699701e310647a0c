import { AnswererDetector, type Answerer } from '../answerer.ts';
import { clockTimes, isWide, type AudioCodec } from '../codecs/codec.ts';
import { LINEAR_OF, SILENCE_CODE, type G711Law } from '../codecs/g711.ts';
import { ComfortNoise, SENT_NOISE_DB } from '../comfort-noise.ts';
import { FRAME_SAMPLES, JitterBuffer, WIDE_FRAME_SAMPLES } from '../jitter-buffer.ts';
import type { Mix, Voice } from '../mixer.ts';
import { estimateMos } from '../quality.ts';
import { Reception } from '../reception.ts';
import { SrtpReceiver, SrtpSender, SRTP_OVERHEAD_BYTES } from '../srtp.ts';
import { emptyRtpHeader, isRtcp, readRtpInto, RTP_HEADER_BYTES, writeRtpHeader, type RtpHeader } from '../rtp.ts';
import { endpointOf, endpointOfKey, isSameHost, type Endpoint, type MediaSocket } from './io.ts';
import { Latch } from './latch.ts';
import { LegDigits } from './leg-digits.ts';
import { Intruders } from './intruders.ts';
import { MediaNode, type Tick } from './node.ts';
import type { Report, RtpConfiguration, RtpStatistics, SrtpConfiguration } from './protocol.ts';
import { RtcpSession } from './rtcp-session.ts';
import { SsrcGuard } from './ssrc-guard.ts';
import { ReceivedFormats } from './rtp-formats.ts';
import { WideDecoding } from './wide-decoding.ts';
import { WideEncoding } from './wide-encoding.ts';

const COMFORT_NOISE = 13;
/** Codes waiting to fill a packet longer than one frame. */
const LONGEST_PTIME_SAMPLES = 960;
const HEADER = emptyRtpHeader();
/** When nothing was passed on for so long, the tick sends again what is to be heard: silence. */
const RELAY_PAUSE_MS = 60;
/** Where silence may be told instead of sent: after so many frames of it, and again every so many (0.5 s). */
const SILENT_FRAMES = { before: 10, between: 25 } as const;
/** Whoever has told us of his silence may be silent so many times longer before he counts as lost. */
const TOLD_SILENCE_TIMES = 3;
/** In a relayed call of Opus one packet of so many is decoded, for the level: they are passed on as they are. */
const LEVEL_OF_PACKETS = 5;

export interface RtpLegOptions {
  id: string;
  label: string;
  ssrc: number;
  sequence: number;
  timestamp: number;
  cname: string;
  report: (report: Report) => void;
}

/** One RTP port: what it receives is its voice, what it hears it sends. */
export class RtpLeg extends MediaNode {
  readonly label: string;
  readonly canSpeak = true;
  readonly canListen = true;
  isLevelWatched = false;
  readonly #report: (report: Report) => void;
  #jitter = new JitterBuffer();
  /** Both present while a codec of 16 kHz is sent or received. */
  #wideIn: WideDecoding | undefined;
  #wideOut: WideEncoding | undefined;
  #formats = new ReceivedFormats();
  /** What is sent, and what came last. */
  #sentCodec: AudioCodec = 'pcma';
  #heardCodec: AudioCodec = 'pcma';
  /** Our times are of 8 kHz; RTP's are so many times that. */
  #sentTimes = 1;
  #heardTimes = 1;
  readonly #latch = new Latch();
  readonly #ssrcGuard = new SsrcGuard();
  readonly #intruders: Intruders;
  readonly #reception = new Reception();
  readonly #rtcp: RtcpSession;
  readonly #digits: LegDigits;
  readonly #noise = new ComfortNoise();
  /** Present until it is known who has answered, where that is asked. */
  #answerer: { detector: AnswererDetector; tell: (answerer: Answerer) => void } | undefined;
  readonly #packet = new Uint8Array(RTP_HEADER_BYTES + LONGEST_PTIME_SAMPLES + FRAME_SAMPLES + SRTP_OVERHEAD_BYTES);
  readonly #eventPacket = new Uint8Array(RTP_HEADER_BYTES + 4 + SRTP_OVERHEAD_BYTES);
  /** Codes of frames on their way into a packet that is not one frame long. */
  readonly #pending = new Uint8Array(LONGEST_PTIME_SAMPLES + FRAME_SAMPLES);
  #pendingLength = 0;
  #socket: MediaSocket | undefined;
  #rtcpSocket: MediaSocket | undefined;
  #configuration: RtpConfiguration | undefined;
  /** Present while the leg is secured. */
  #srtpIn: SrtpReceiver | undefined;
  #srtpOut: SrtpSender | undefined;
  #remote: Endpoint | undefined;
  #ssrc: number;
  #sequence: number;
  #timestamp: number;
  #isSending = false;
  #packetsSent = 0;
  #octetsSent = 0;
  #unknown = 0;
  #lastMediaMs = 0;
  #isMediaLost = false;
  #hasHeardMedia = false;
  /** The leg that gets our packets as they come. */
  #relay: RtpLeg | undefined;
  /** Of the packets passed on to our far end: when the last was, its time stamp, and what is added to the time stamps. */
  #relayedAtMs = -Infinity;
  #relayedTimestamp = 0;
  #relayOffset = 0;
  #isRelayed = false;
  #relayedPackets = 0;
  /** Frames in which nothing was to be heard. */
  #silentFrames = 0;

  constructor(options: RtpLegOptions) {
    super(options.id);
    this.label = options.label;
    this.#report = options.report;
    this.#ssrc = options.ssrc;
    this.#sequence = options.sequence;
    this.#timestamp = options.timestamp;
    this.#intruders = new Intruders(options.id, options.report);
    this.#rtcp = new RtcpSession(options.cname);
    this.#digits = new LegDigits((digit, durationMs, by) =>
      this.#report({ about: this.id, what: 'digit', digit, durationMs, by }),
    );
  }

  get port(): number {
    return this.#socket?.port ?? 0;
  }

  attach(socket: MediaSocket, rtcpSocket: MediaSocket | undefined): void {
    this.#socket = socket;
    this.#rtcpSocket = rtcpSocket;
  }

  /** May be called again: SSRC, sequence and timestamps go on. */
  configure(configuration: RtpConfiguration, nowMs: number): void {
    const { remote } = configuration;
    const wasReceiving = this.#isReceiving;
    this.#secure(configuration.srtp);
    this.#configuration = configuration;
    this.#formats = new ReceivedFormats(configuration);
    this.#agreeOn(configuration.codec);
    this.#digits.listenInSound(configuration.inbandDigits === true);
    this.#ssrcGuard.forget();
    this.#latch.signal(remote && endpointOf(remote.host, remote.port).key, configuration.latch);
    this.#follow();
    if (configuration.ssrc !== undefined) this.#ssrc = configuration.ssrc;
    if (!this.#isReceiving) {
      this.#jitter.reset();
      this.#noise.end();
      this.#isMediaLost = false;
    }
    if (!wasReceiving && this.#isReceiving) this.#lastMediaMs = nowMs;
    this.#pendingLength = 0;
  }

  /** A packet from the RTP port; RTCP may come muxed with it (RFC 5761). */
  receive(packet: Uint8Array, received: number, fromKey: number, arrivedAtMs: number): void {
    const configuration = this.#configuration;
    if (!configuration) return;
    if (isRtcp(packet, received)) {
      if (this.#latch.source === fromKey) this.#takeRtcp(packet, received, true, fromKey, arrivedAtMs);
      return;
    }
    const length = this.#srtpIn ? this.#srtpIn.unprotect(packet, received) : received;
    if (length < 0) return this.#intruders.note('key', fromKey);
    const header = HEADER;
    const isRtp = readRtpInto(packet, length, header);
    const eventTimes = isRtp ? this.#formats.eventTimesOf(header.payloadType) : 0;
    const codec = isRtp ? this.#formats.codecOf(header.payloadType) : undefined;
    if (eventTimes === 0 && !codec && !(isRtp && header.payloadType === COMFORT_NOISE)) {
      this.#unknown += 1;
      return;
    }
    const verdict = this.#latch.judge(fromKey, arrivedAtMs);
    if (verdict === 'refused') return this.#intruders.note('source', fromKey);
    if (verdict === 'moved') {
      this.#follow();
      this.#ssrcGuard.forget();
    }
    if (!this.#ssrcGuard.admit(header.ssrc, arrivedAtMs)) return this.#intruders.note('ssrc', fromKey);
    const octets = header.payloadEnd - header.payloadStart;
    const isNew = this.#reception.note(header.ssrc, header.sequence, octets);
    if (isNew) {
      this.#jitter.reset();
      this.#wideIn?.forgetSource();
      this.#noise.end();
    }
    this.#noteMedia(arrivedAtMs, verdict === 'moved');
    if (!this.#isReceiving) return;
    if (codec) {
      if (codec !== this.#heardCodec) this.#hearAs(codec);
      this.#noise.end();
      this.#reception.noteTransit(header.timestamp, arrivedAtMs);
      // Digits are looked for in frames, which only the jitter buffer makes.
      const isRelayed =
        !this.#digits.isListeningInSound &&
        !this.#answerer &&
        this.#relay?.pass(packet, header, codec, isNew, arrivedAtMs);
      if (this.#wideIn) this.#takeWide(this.#wideIn, packet, header, codec, isRelayed === true, arrivedAtMs);
      else if (isRelayed) this.#measureRelayed(packet, header, LINEAR_OF[codec as G711Law]);
      else
        this.#jitter.insert(
          packet,
          header.payloadStart,
          header.payloadEnd,
          header.timestamp,
          LINEAR_OF[codec as G711Law],
          arrivedAtMs,
        );
    } else if (eventTimes > 0) {
      const { payloadStart, payloadEnd, timestamp } = header;
      this.#digits.readEvent(packet, payloadStart, payloadEnd, timestamp, eventTimes, arrivedAtMs);
      // Of another clock than the sound it cannot be laid beside it.
      if (octets >= 4 && eventTimes === this.#heardTimes) {
        const duration = (packet[payloadStart + 2]! << 8) | packet[payloadStart + 3]!;
        const at = this.#wideIn?.sampleTime(timestamp) ?? timestamp;
        this.#jitter.insertSilence(at, this.#wideIn ? (duration * 2) / eventTimes : duration, arrivedAtMs);
      }
    } else {
      this.#jitter.expectSilence();
      if (octets > 0) this.#noise.begin(packet[header.payloadStart]!);
    }
  }

  /** Hands what comes in to `target` as it comes, or (undefined) to the jitter buffer again. */
  relayTo(target: RtpLeg | undefined): void {
    if (target === this.#relay) return;
    if (this.#relay) this.#relay.#endRelay();
    this.#relay = target;
    this.#jitter.reset();
    this.#socket?.setUrgent(target !== undefined);
  }

  /**
   * Sends a packet of another leg to our far end at once, as one of ours.
   * @returns false when it cannot go as it is: other codec, not sending
   */
  pass(packet: Uint8Array, header: RtpHeader, codec: AudioCodec, isNewSource: boolean, nowMs: number): boolean {
    const configuration = this.#configuration;
    const length = header.payloadEnd - header.payloadStart;
    if (!configuration || configuration.codec !== codec) return false;
    if (codec !== 'opus' && configuration.ptimeMs * 8 !== length) return false;
    if (!this.#remote || !this.#mayTransmit(configuration) || length > LONGEST_PTIME_SAMPLES) return false;
    if (!this.#isRelayed || isNewSource) {
      this.#relayOffset = this.#rtpTime(this.#timestamp + FRAME_SAMPLES) - header.timestamp;
      this.#isRelayed = true;
      this.#isSending = false;
    }
    this.#relayedAtMs = nowMs;
    this.#relayedTimestamp = (header.timestamp + this.#relayOffset) >>> 0;
    if (!this.#digits.isIdle) return true; // Our own digit goes out in its place.
    for (let i = 0; i < length; i += 1) this.#packet[RTP_HEADER_BYTES + i] = packet[header.payloadStart + i]!;
    if (header.hasMarker) this.#isSending = false;
    this.#send(configuration.payloadType, this.#relayedTimestamp, length);
    return true;
  }

  /** RTCP from the port of its own: only from the machine that the media come from. */
  receiveRtcp(packet: Uint8Array, length: number, fromKey: number, arrivedAtMs: number): void {
    if (this.#remote && isRtcp(packet, length) && isSameHost(fromKey, this.#remote.key))
      this.#takeRtcp(packet, length, false, fromKey, arrivedAtMs);
  }

  #takeRtcp(packet: Uint8Array, received: number, isMuxed: boolean, fromKey: number, arrivedAtMs: number): void {
    const length = this.#srtpIn ? this.#srtpIn.unprotectRtcp(packet, received) : received;
    if (length < 0) this.#intruders.note('key', fromKey);
    else {
      this.#rtcp.receive(packet, length, this.#ssrc, isMuxed, arrivedAtMs);
      // Who sends no sound, being muted or on hold, still reports: he is there.
      if (!this.#isMediaLost) this.#lastMediaMs = arrivedAtMs;
    }
  }

  override produce(tick: Tick): void {
    this.hasSound = this.#jitter.read(this.frame, tick.nowMs, tick.skipped);
    if (!this.hasSound && this.#noise.isOn && !this.#isMediaLost) {
      this.#noise.fill(this.frame);
      this.hasSound = true;
    }
    if (this.#answerer) this.#listenForAnswerer(this.#answerer);
    if (this.#digits.listen(this.hasSound ? this.frame : undefined)) this.hasSound = false;
    if (this.hasSound) this.measure();
    else this.peak = 0;
  }

  override consume(mix: Mix | undefined, own: Voice | undefined, tick: Tick): void {
    this.#timestamp = (this.#timestamp + FRAME_SAMPLES * (1 + tick.skipped)) >>> 0;
    const configuration = this.#configuration;
    if (!configuration || !this.#remote || !this.#mayTransmit(configuration)) {
      this.#isSending = false;
      this.#pendingLength = 0;
      if (!this.#digits.isIdle) this.#digits.clear();
      return;
    }
    const { events } = this.#digits;
    if (!events.isIdle && events.frame(this.#rtpTime(this.#timestamp)) === 'event') {
      this.#sendEvent(configuration);
      return;
    }
    const tones = this.#digits.isIdle ? undefined : this.#digits.nextTones();
    if (tones) {
      this.#endRelay();
      this.#sendFrame(configuration, tones, undefined);
      return;
    }
    if (this.#isRelayed) {
      if (tick.nowMs - this.#relayedAtMs < RELAY_PAUSE_MS) return;
      this.#endRelay();
    }
    if (configuration.comfortNoisePayloadType === undefined || !this.#isSilence(mix, own))
      this.#sendFrame(configuration, mix, own);
    else this.#tellSilence(configuration, configuration.comfortNoisePayloadType, mix, own);
  }

  #sendFrame(configuration: RtpConfiguration, mix: Mix | undefined, own: Voice | undefined): void {
    if (configuration.ptimeMs === 20 || configuration.codec === 'opus') {
      const length = this.#encode(mix, own, configuration.codec, this.#packet, RTP_HEADER_BYTES);
      this.#send(configuration.payloadType, this.#rtpTime(this.#timestamp), length);
      return;
    }
    const packetSamples = configuration.ptimeMs * 8;
    this.#encode(mix, own, configuration.codec, this.#pending, this.#pendingLength);
    this.#pendingLength += FRAME_SAMPLES;
    let timestamp = (this.#timestamp + FRAME_SAMPLES - this.#pendingLength) >>> 0;
    while (this.#pendingLength >= packetSamples) {
      for (let i = 0; i < packetSamples; i += 1) this.#packet[RTP_HEADER_BYTES + i] = this.#pending[i]!;
      this.#pending.copyWithin(0, packetSamples, this.#pendingLength);
      this.#pendingLength -= packetSamples;
      this.#send(configuration.payloadType, timestamp, packetSamples);
      timestamp = (timestamp + packetSamples) >>> 0;
    }
  }

  /** Ten times a second: what is overdue, what is lost, reports. */
  tend(nowMs: number): void {
    this.#digits.checkOverdue(nowMs);
    this.#intruders.tend(nowMs);
    this.#reception.measureLoss(nowMs);
    const configuration = this.#configuration;
    if (!configuration) return;
    const lostAfterMs = configuration.mediaLostAfterMs;
    const allowedMs = (lostAfterMs ?? 0) * (this.#noise.isOn ? TOLD_SILENCE_TIMES : 1);
    if (lostAfterMs !== undefined && this.#isReceiving && !this.#isMediaLost && nowMs - this.#lastMediaMs > allowedMs) {
      this.#isMediaLost = true;
      this.#report({ about: this.id, what: 'media-lost' });
    }
    const socket = this.#rtcp.isMuxed || configuration.rtcp === 'muxed' ? this.#socket : this.#rtcpSocket;
    if (configuration.rtcp === 'none' || !this.#remote || !socket) return;
    const port = socket === this.#socket ? this.#remote.port : this.#remote.port + 1;
    this.#rtcp.tend(nowMs, socket, this.#remote.host, port, {
      ssrc: this.#ssrc,
      timestamp: this.#rtpTime(this.#timestamp),
      packets: this.#packetsSent,
      octets: this.#octetsSent,
      reception: this.#reception,
      srtp: this.#srtpOut,
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
    });
  }

  #listenForAnswerer({ detector, tell }: { detector: AnswererDetector; tell: (answerer: Answerer) => void }): void {
    const verdict = detector.listen(this.hasSound ? this.frame : undefined);
    if (!verdict) return;
    this.#answerer = undefined;
    tell(verdict);
  }

  /** @returns false when a character is no digit */
  sendDigits(digits: string, durationMs: number, gapMs: number, done: () => void): boolean {
    const asEvents = this.#configuration?.telephoneEventPayloadType !== undefined;
    return this.#digits.queue(digits, durationMs, gapMs, asEvents, done);
  }

  get canSendDigits(): boolean {
    return this.#configuration !== undefined && this.#mayTransmit(this.#configuration);
  }

  statistics(): RtpStatistics {
    const { counts } = this.#jitter;
    const { lossPercent, received } = this.#reception;
    const wayMs = (this.#rtcp.findings.roundTripMs ?? 0) / 2;
    const delayMs = wayMs + (this.#configuration?.ptimeMs ?? 0) + this.#jitter.delayMs;
    return {
      packetsReceived: this.#reception.received,
      packetsSent: this.#packetsSent,
      octetsReceived: this.#reception.octets,
      octetsSent: this.#octetsSent,
      packetsLost: this.#reception.lost,
      packetsInjected: this.#intruders.count,
      packetsUnknown: this.#unknown,
      latePackets: counts.latePackets,
      concealedFrames: counts.concealedFrames,
      jitterMs: this.#reception.jitterMs,
      bufferedMs: this.#jitter.delayMs,
      codec: this.#configuration?.codec,
      isSecured: this.#srtpIn !== undefined,
      lossPercent,
      mos: received === 0 ? undefined : estimateMos({ lossPercent, delayMs }),
      ...this.#rtcp.findings,
      remote: this.#remote && { host: this.#remote.host, port: this.#remote.port },
      ssrc: this.#ssrc,
      remoteSsrc: this.#reception.ssrc,
    };
  }

  override close(): void {
    this.#digits.clear();
    this.#answerer?.tell('unknown');
    this.#socket?.close();
    this.#rtcpSocket?.close();
  }

  get #isReceiving(): boolean {
    const direction = this.#configuration?.direction;
    return direction === 'sendrecv' || direction === 'recvonly';
  }

  #mayTransmit(configuration: RtpConfiguration): boolean {
    return configuration.direction === 'sendrecv' || configuration.direction === 'sendonly';
  }

  /** New keys begin anew; the same go on where they were. */
  #secure(srtp: SrtpConfiguration | undefined): void {
    const before = this.#configuration?.srtp;
    const isSame = (one: Uint8Array | undefined, other: Uint8Array | undefined) =>
      one === other || (one !== undefined && other !== undefined && Buffer.compare(one, other) === 0);
    const isSameSuite = srtp?.suite === before?.suite;
    if (!isSameSuite || !isSame(srtp?.receiveKey, before?.receiveKey))
      this.#srtpIn = srtp && new SrtpReceiver(srtp.suite, srtp.receiveKey);
    if (isSameSuite && isSame(srtp?.sendKey, before?.sendKey)) return;
    this.#srtpOut = srtp && new SrtpSender(srtp.suite, srtp.sendKey);
    // So that the first rollover cannot be among packets that are lost before the far end has heard any (RFC 3711 §3.3.1).
    if (srtp && this.#packetsSent === 0) this.#sequence &= 0x7fff;
  }

  /** What is sent from now on; nothing is touched when the codec stays what it was. */
  #agreeOn(codec: AudioCodec): void {
    if (codec === this.#sentCodec) return;
    this.#endRelay();
    this.#sentCodec = codec;
    this.#sentTimes = this.#digits.events.clockTimes = clockTimes(codec);
    this.#rtcp.unitsPerMs = 8 * this.#sentTimes;
    this.#isSending = false;
    const hasBeenWide = this.#wideIn !== undefined;
    this.#heardCodec = codec;
    this.#heardTimes = clockTimes(codec);
    this.#reception.unitsPerMs = 8 * this.#heardTimes;
    if (hasBeenWide || isWide(codec)) this.#setWidth(isWide(codec));
  }

  /** The far end speaks another codec than before, of those that it may. */
  #hearAs(codec: AudioCodec): void {
    const hasAnotherClock = clockTimes(codec) !== this.#heardTimes;
    this.#heardCodec = codec;
    this.#heardTimes = clockTimes(codec);
    this.#reception.unitsPerMs = 8 * this.#heardTimes;
    if (isWide(codec) && !this.#wideIn) this.#setWidth(true);
    else if (hasAnotherClock) this.#jitter.reset();
    this.#wideIn?.hear(codec);
  }

  /** Frames of 16 kHz, or of 8. */
  #setWidth(isWide: boolean): void {
    this.#wideIn = isWide ? new WideDecoding(this.#heardCodec) : undefined;
    this.#wideOut = isWide ? new WideEncoding(this.#sentCodec) : undefined;
    this.frame = new Int16Array(isWide ? WIDE_FRAME_SAMPLES : FRAME_SAMPLES);
    this.hasSound = false;
    this.#jitter = new JitterBuffer(isWide ? 16_000 : 8000);
  }

  /** Of a time of ours; as both wrap at 2^32, their multiples do too. */
  #rtpTime(timestamp: number): number {
    return Math.imul(timestamp, this.#sentTimes) >>> 0;
  }

  /** RTP counts G.722 in 8 kHz (RFC 3551 §4.5.2) and Opus in 48; the jitter buffer counts samples. */
  #takeWide(
    wide: WideDecoding,
    packet: Uint8Array,
    header: RtpHeader,
    codec: AudioCodec,
    isRelayed: boolean,
    arrivedAtMs: number,
  ): void {
    const recovered = wide.follow(packet, header.payloadStart, header.payloadEnd, header.sequence, header.timestamp);
    if (recovered < 0) return;
    const at = wide.sampleTime(header.timestamp);
    if (recovered > 0 && !isRelayed)
      this.#jitter.insertSamples(wide.decoded, recovered, (at - recovered) >>> 0, arrivedAtMs);
    this.#relayedPackets += 1;
    if (isRelayed && codec === 'opus' && this.#relayedPackets % LEVEL_OF_PACKETS !== 0) return;
    const count = wide.decode(packet, header.payloadStart, header.payloadEnd, codec);
    if (isRelayed) this.meter.add(wide.energy(count) * (codec === 'opus' ? LEVEL_OF_PACKETS : 1));
    else this.#jitter.insertSamples(wide.decoded, count, at, arrivedAtMs);
  }

  /** Sends from now on to where the latched source is. */
  #follow(): void {
    const key = this.#latch.source;
    if (key === undefined) this.#remote = undefined;
    else if (this.#remote?.key !== key) this.#remote = endpointOfKey(key);
  }

  #noteMedia(nowMs: number, hasMoved: boolean): void {
    this.#lastMediaMs = nowMs;
    if (this.#hasHeardMedia && !this.#isMediaLost && !hasMoved) return;
    this.#hasHeardMedia = true;
    this.#isMediaLost = false;
    const { host, port } = this.#remote!;
    this.#report({ about: this.id, what: 'media-found', remote: { host, port } });
  }

  /** Time stamps go on from the last packet passed on, should those have run ahead of the tick. */
  #endRelay(): void {
    if (!this.#isRelayed) return;
    this.#isRelayed = false;
    const next = this.#relayedTimestamp + FRAME_SAMPLES * this.#sentTimes;
    const ahead = (next - this.#rtpTime(this.#timestamp)) | 0;
    if (ahead > 0) this.#timestamp = (this.#timestamp + Math.ceil(ahead / this.#sentTimes)) >>> 0;
  }

  #measureRelayed(packet: Uint8Array, header: RtpHeader, linear: Int16Array): void {
    let energy = 0;
    for (let i = header.payloadStart; i < header.payloadEnd; i += 1) energy += linear[packet[i]!]! ** 2;
    this.meter.add(energy);
  }

  #encode(mix: Mix | undefined, own: Voice | undefined, law: AudioCodec, into: Uint8Array, at: number): number {
    if (this.#wideOut) return this.#wideOut.encode(mix, own, into, at);
    if (isWide(law)) throw new Error(`no encoder for ${law}`);
    if (mix) mix.encodeFor(own, law, into, at);
    else into.fill(SILENCE_CODE[law], at, at + FRAME_SAMPLES);
    return FRAME_SAMPLES;
  }

  #isSilence(mix: Mix | undefined, own: Voice | undefined): boolean {
    const isSilent = !mix || mix.talkers === (own?.isAudible ? 1 : 0);
    this.#silentFrames = isSilent ? this.#silentFrames + 1 : 0;
    return isSilent;
  }

  /** A few frames of silence are sent as they are; from then on only its level is told, twice a second. */
  #tellSilence(configuration: RtpConfiguration, payloadType: number, mix: Mix | undefined, own?: Voice): void {
    const frames = this.#silentFrames - SILENT_FRAMES.before;
    if (frames <= 0) return this.#sendFrame(configuration, mix, own);
    this.#pendingLength = 0;
    if (frames % SILENT_FRAMES.between !== 1) return;
    this.#packet[RTP_HEADER_BYTES] = SENT_NOISE_DB;
    this.#send(payloadType, this.#rtpTime(this.#timestamp), 1);
    this.#isSending = false; // The next sound begins a talk spurt.
  }

  #send(payloadType: number, timestamp: number, payloadLength: number): void {
    // The marker tells the far end that it may set its play-out anew (RFC 3551 §4.1).
    writeRtpHeader(this.#packet, payloadType, !this.#isSending, this.#sequence, timestamp, this.#ssrc);
    this.#sequence = (this.#sequence + 1) & 0xffff;
    this.#isSending = true;
    this.#packetsSent += 1;
    this.#octetsSent += payloadLength;
    const length = RTP_HEADER_BYTES + payloadLength;
    const secured = this.#srtpOut?.protect(this.#packet, RTP_HEADER_BYTES, length);
    this.#socket!.send(this.#packet, secured ?? length, this.#remote!);
  }

  #sendEvent(configuration: RtpConfiguration): void {
    const event = this.#digits.events;
    const packet = this.#eventPacket;
    const payloadType = configuration.telephoneEventPayloadType!;
    writeRtpHeader(packet, payloadType, event.hasMarker, this.#sequence, event.timestamp, this.#ssrc);
    packet.set(event.payload, RTP_HEADER_BYTES);
    this.#sequence = (this.#sequence + 1) & 0xffff;
    this.#pendingLength = 0;
    this.#packetsSent += 1;
    this.#octetsSent += 4;
    const length = RTP_HEADER_BYTES + event.payload.length;
    this.#socket!.send(packet, this.#srtpOut?.protect(packet, RTP_HEADER_BYTES, length) ?? length, this.#remote!);
  }
}
