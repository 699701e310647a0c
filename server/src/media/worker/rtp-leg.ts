import { clockTimes, isWide, type AudioCodec } from '../codecs/codec.ts';
import { LINEAR_OF, SILENCE_CODE, STATIC_PAYLOAD_TYPE, type G711Law } from '../codecs/g711.ts';
import { InbandDigits } from '../inband-digits.ts';
import { FRAME_SAMPLES, JitterBuffer, WIDE_FRAME_SAMPLES } from '../jitter-buffer.ts';
import type { Mix, Voice } from '../mixer.ts';
import { estimateMos } from '../quality.ts';
import { Reception } from '../reception.ts';
import { emptyRtpHeader, isRtcp, readRtpInto, RTP_HEADER_BYTES, writeRtpHeader, type RtpHeader } from '../rtp.ts';
import { TelephoneEventReader, TelephoneEventSender } from '../telephone-event.ts';
import { endpointOf, endpointOfKey, isSameHost, type Endpoint, type MediaSocket } from './io.ts';
import { Latch } from './latch.ts';
import { MediaNode, type Tick } from './node.ts';
import type { Report, RtpConfiguration, RtpStatistics } from './protocol.ts';
import { RtcpSession } from './rtcp-session.ts';
import { WideCoding } from './wide-coding.ts';

const COMFORT_NOISE = 13;
/** Codes waiting to fill a packet longer than one frame. */
const LONGEST_PTIME_SAMPLES = 960;
const HEADER = emptyRtpHeader();
/** When nothing was passed on for so long, the tick sends again what is to be heard: silence. */
const RELAY_PAUSE_MS = 60;

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
  /** Present while the agreed codec is one of 16 kHz. */
  #wide: WideCoding | undefined;
  /** Our times are of 8 kHz; RTP's are so many times that. */
  #clockTimes = 1;
  readonly #latch = new Latch();
  readonly #reception = new Reception();
  readonly #rtcp: RtcpSession;
  readonly #digitsIn: TelephoneEventReader;
  /** Present while digits are looked for in the sound. */
  #inbandDigits: InbandDigits | undefined;
  readonly #digitsOut = new TelephoneEventSender();
  readonly #packet = new Uint8Array(RTP_HEADER_BYTES + LONGEST_PTIME_SAMPLES + FRAME_SAMPLES);
  readonly #eventPacket = new Uint8Array(RTP_HEADER_BYTES + 4);
  /** Codes of frames on their way into a packet that is not one frame long. */
  readonly #pending = new Uint8Array(LONGEST_PTIME_SAMPLES + FRAME_SAMPLES);
  #pendingLength = 0;
  #socket: MediaSocket | undefined;
  #rtcpSocket: MediaSocket | undefined;
  #configuration: RtpConfiguration | undefined;
  #remote: Endpoint | undefined;
  #ssrc: number;
  #sequence: number;
  #timestamp: number;
  #isSending = false;
  #packetsSent = 0;
  #octetsSent = 0;
  #injected = 0;
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

  constructor(options: RtpLegOptions) {
    super(options.id);
    this.label = options.label;
    this.#report = options.report;
    this.#ssrc = options.ssrc;
    this.#sequence = options.sequence;
    this.#timestamp = options.timestamp;
    this.#rtcp = new RtcpSession(options.cname);
    this.#digitsIn = new TelephoneEventReader((digit, durationMs) =>
      this.#report({ about: this.id, what: 'digit', digit, durationMs, by: 'telephone-event' }),
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
    this.#configuration = configuration;
    this.#agreeOn(configuration.codec);
    this.#listenForDigits(configuration.inbandDigits === true && !this.#wide);
    this.#latch.signal(remote && endpointOf(remote.host, remote.port).key, configuration.latch);
    this.#follow();
    if (configuration.ssrc !== undefined) this.#ssrc = configuration.ssrc;
    if (!this.#isReceiving) {
      this.#jitter.reset();
      this.#isMediaLost = false;
    }
    if (!wasReceiving && this.#isReceiving) this.#lastMediaMs = nowMs;
    this.#pendingLength = 0;
  }

  /** A packet from the RTP port; RTCP may come muxed with it (RFC 5761). */
  receive(packet: Uint8Array, length: number, fromKey: number, arrivedAtMs: number): void {
    const configuration = this.#configuration;
    if (!configuration) return;
    if (isRtcp(packet, length)) {
      if (this.#latch.source === fromKey) this.#rtcp.receive(packet, length, this.#ssrc, true, arrivedAtMs);
      return;
    }
    const header = HEADER;
    const isRtp = readRtpInto(packet, length, header);
    const isEvent = isRtp && header.payloadType === configuration.telephoneEventPayloadType;
    const codec = isRtp ? this.#codecOf(header.payloadType) : undefined;
    if (!isEvent && !codec && !(isRtp && header.payloadType === COMFORT_NOISE)) {
      this.#unknown += 1;
      return;
    }
    const verdict = this.#latch.judge(fromKey, arrivedAtMs);
    if (verdict === 'refused') {
      this.#injected += 1;
      return;
    }
    if (verdict === 'moved') this.#follow();
    const octets = header.payloadEnd - header.payloadStart;
    const isNew = this.#reception.note(header.ssrc, header.sequence, octets);
    if (isNew) {
      this.#jitter.reset();
      this.#wide?.forgetSource();
    }
    this.#noteMedia(arrivedAtMs, verdict === 'moved');
    if (!this.#isReceiving) return;
    if (codec) {
      this.#reception.noteTransit(header.timestamp, arrivedAtMs);
      // Digits are looked for in frames, which only the jitter buffer makes.
      const isRelayed = !this.#inbandDigits && this.#relay?.pass(packet, header, codec, isNew, arrivedAtMs);
      if (this.#wide) this.#takeWide(this.#wide, packet, header, codec, isRelayed === true, arrivedAtMs);
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
    } else if (isEvent) {
      this.#digitsIn.read(packet, header.payloadStart, header.payloadEnd, header.timestamp, arrivedAtMs);
      if (octets >= 4) {
        const duration = (packet[header.payloadStart + 2]! << 8) | packet[header.payloadStart + 3]!;
        const at = this.#wide?.sampleTime(header.timestamp) ?? header.timestamp;
        this.#jitter.insertSilence(at, this.#wide ? (duration * 2) / this.#clockTimes : duration, arrivedAtMs);
      }
    } else this.#jitter.expectSilence();
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
    if (!this.#digitsOut.isIdle) return true; // Our own digit goes out in its place.
    for (let i = 0; i < length; i += 1) this.#packet[RTP_HEADER_BYTES + i] = packet[header.payloadStart + i]!;
    if (header.hasMarker) this.#isSending = false;
    this.#send(configuration.payloadType, this.#relayedTimestamp, length);
    return true;
  }

  /** RTCP from the port of its own: only from the machine that the media come from. */
  receiveRtcp(packet: Uint8Array, length: number, fromKey: number, arrivedAtMs: number): void {
    if (this.#remote && isRtcp(packet, length) && isSameHost(fromKey, this.#remote.key))
      this.#rtcp.receive(packet, length, this.#ssrc, false, arrivedAtMs);
  }

  override produce(tick: Tick): void {
    this.hasSound = this.#jitter.read(this.frame, tick.nowMs, tick.skipped);
    this.#inbandDigits?.listen(this.hasSound ? this.frame : undefined);
    if (this.hasSound) this.measure();
    else this.peak = 0;
  }

  override consume(mix: Mix | undefined, own: Voice | undefined, tick: Tick): void {
    this.#timestamp = (this.#timestamp + FRAME_SAMPLES * (1 + tick.skipped)) >>> 0;
    const configuration = this.#configuration;
    if (!configuration || !this.#remote || !this.#mayTransmit(configuration)) {
      this.#isSending = false;
      this.#pendingLength = 0;
      if (!this.#digitsOut.isIdle) this.#digitsOut.clear();
      return;
    }
    if (!this.#digitsOut.isIdle && this.#digitsOut.frame(this.#rtpTime(this.#timestamp)) === 'event') {
      this.#sendEvent(configuration);
      return;
    }
    if (this.#isRelayed) {
      if (tick.nowMs - this.#relayedAtMs < RELAY_PAUSE_MS) return;
      this.#endRelay();
    }
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
    this.#digitsIn.checkOverdue(nowMs);
    this.#reception.measureLoss(nowMs);
    const configuration = this.#configuration;
    if (!configuration) return;
    const lostAfterMs = configuration.mediaLostAfterMs;
    if (
      lostAfterMs !== undefined &&
      this.#isReceiving &&
      !this.#isMediaLost &&
      nowMs - this.#lastMediaMs > lostAfterMs
    ) {
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

  /** @returns false when a character is no digit */
  sendDigits(digits: string, durationMs: number, gapMs: number, done: () => void): boolean {
    return this.#digitsOut.queue(digits, durationMs, gapMs, done);
  }

  get canSendDigits(): boolean {
    const configuration = this.#configuration;
    return configuration?.telephoneEventPayloadType !== undefined && this.#mayTransmit(configuration);
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
      packetsInjected: this.#injected,
      packetsUnknown: this.#unknown,
      latePackets: counts.latePackets,
      concealedFrames: counts.concealedFrames,
      jitterMs: this.#reception.jitterMs,
      bufferedMs: this.#jitter.delayMs,
      codec: this.#configuration?.codec,
      lossPercent,
      mos: received === 0 ? undefined : estimateMos({ lossPercent, delayMs }),
      ...this.#rtcp.findings,
      remote: this.#remote && { host: this.#remote.host, port: this.#remote.port },
      ssrc: this.#ssrc,
      remoteSsrc: this.#reception.ssrc,
    };
  }

  override close(): void {
    this.#digitsOut.clear();
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

  #listenForDigits(isWanted: boolean): void {
    if (!isWanted) this.#inbandDigits = undefined;
    else
      this.#inbandDigits ??= new InbandDigits((digit, durationMs) =>
        this.#report({ about: this.id, what: 'digit', digit, durationMs, by: 'inband' }),
      );
  }

  /** Frames of 16 kHz while the codec is wideband; nothing is touched when the codec stays what it was. */
  #agreeOn(codec: AudioCodec): void {
    if (this.#wide?.codec === codec || (!this.#wide && !isWide(codec))) return;
    this.#endRelay();
    this.#clockTimes = this.#digitsIn.clockTimes = this.#digitsOut.clockTimes = clockTimes(codec);
    this.#reception.unitsPerMs = this.#rtcp.unitsPerMs = 8 * this.#clockTimes;
    this.#wide = isWide(codec) ? new WideCoding(codec) : undefined;
    this.frame = new Int16Array(this.#wide ? WIDE_FRAME_SAMPLES : FRAME_SAMPLES);
    this.hasSound = false;
    this.#jitter = new JitterBuffer(this.#wide ? 16_000 : 8000);
  }

  /** Of a time of ours; as both wrap at 2^32, their multiples do too. */
  #rtpTime(timestamp: number): number {
    return Math.imul(timestamp, this.#clockTimes) >>> 0;
  }

  /** RTP counts G.722 in 8 kHz (RFC 3551 §4.5.2) and Opus in 48; the jitter buffer counts samples. */
  #takeWide(
    wide: WideCoding,
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
    const count = wide.decode(packet, header.payloadStart, header.payloadEnd, codec);
    if (isRelayed) this.meter.add(wide.energy(count));
    else this.#jitter.insertSamples(wide.decoded, count, at, arrivedAtMs);
  }

  /** The agreed type first; else the static types of both laws, which some phones use whatever was agreed. */
  #codecOf(payloadType: number): AudioCodec | undefined {
    if (payloadType === this.#configuration!.payloadType) return this.#configuration!.codec;
    if (this.#clockTimes !== 1) return undefined; // Their clock is not ours.
    if (payloadType === STATIC_PAYLOAD_TYPE.pcma) return 'pcma';
    return payloadType === STATIC_PAYLOAD_TYPE.pcmu ? 'pcmu' : undefined;
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
    const next = this.#relayedTimestamp + FRAME_SAMPLES * this.#clockTimes;
    const ahead = (next - this.#rtpTime(this.#timestamp)) | 0;
    if (ahead > 0) this.#timestamp = (this.#timestamp + Math.ceil(ahead / this.#clockTimes)) >>> 0;
  }

  #measureRelayed(packet: Uint8Array, header: RtpHeader, linear: Int16Array): void {
    let energy = 0;
    for (let i = header.payloadStart; i < header.payloadEnd; i += 1) energy += linear[packet[i]!]! ** 2;
    this.meter.add(energy);
  }

  #encode(mix: Mix | undefined, own: Voice | undefined, law: AudioCodec, into: Uint8Array, at: number): number {
    if (isWide(law)) return this.#wide!.encode(mix, own, into, at);
    if (mix) mix.encodeFor(own, law, into, at);
    else into.fill(SILENCE_CODE[law], at, at + FRAME_SAMPLES);
    return FRAME_SAMPLES;
  }

  #send(payloadType: number, timestamp: number, payloadLength: number): void {
    // The marker tells the far end that it may set its play-out anew (RFC 3551 §4.1).
    writeRtpHeader(this.#packet, payloadType, !this.#isSending, this.#sequence, timestamp, this.#ssrc);
    this.#sequence = (this.#sequence + 1) & 0xffff;
    this.#isSending = true;
    this.#packetsSent += 1;
    this.#octetsSent += payloadLength;
    this.#socket!.send(this.#packet, RTP_HEADER_BYTES + payloadLength, this.#remote!);
  }

  #sendEvent(configuration: RtpConfiguration): void {
    const event = this.#digitsOut;
    const packet = this.#eventPacket;
    const payloadType = configuration.telephoneEventPayloadType!;
    writeRtpHeader(packet, payloadType, event.hasMarker, this.#sequence, event.timestamp, this.#ssrc);
    packet.set(event.payload, RTP_HEADER_BYTES);
    this.#sequence = (this.#sequence + 1) & 0xffff;
    this.#pendingLength = 0;
    this.#packetsSent += 1;
    this.#octetsSent += 4;
    this.#socket!.send(packet, packet.length, this.#remote!);
  }
}
