import { clockTimes, isWide, type AudioCodec } from '../codecs/codec.ts';
import { SILENCE_CODE } from '../codecs/g711.ts';
import { SENT_NOISE_DB } from '../comfort-noise.ts';
import { FRAME_SAMPLES } from '../jitter-buffer.ts';
import type { Mix, Voice } from '../mixer.ts';
import { RTP_HEADER_BYTES, writeRtpHeader, type RtpHeader } from '../rtp.ts';
import { SrtpSender, SRTP_OVERHEAD_BYTES, type SrtpSuite } from '../srtp.ts';
import type { Endpoint, MediaSocket } from './io.ts';
import type { LegDigits } from './leg-digits.ts';
import type { Tick } from './node.ts';
import type { RtpConfiguration } from './protocol.ts';
import { isSameKey } from './same-key.ts';
import { WideEncoding } from './wide-encoding.ts';

/** Codes waiting to fill a packet longer than one frame. */
const LONGEST_PTIME_SAMPLES = 960;
/** When nothing was passed on for so long, the tick sends again what is to be heard: silence. */
const RELAY_PAUSE_MS = 60;
/** Where silence may be told instead of sent: after so many frames of it, and again every so many (0.5 s). */
const SILENT_FRAMES = { before: 10, between: 25 } as const;

/**
 * What a leg sends: one stream under one SSRC, made of what it hears, of its digits, or of the packets of another leg as they come.
 * Sequence numbers and time stamps go on whichever it is.
 */
export class OutgoingRtp {
  /** Where it goes; nothing is sent without. */
  remote: Endpoint | undefined;
  socket: MediaSocket | undefined;
  packetsSent = 0;
  octetsSent = 0;
  srtp: SrtpSender | undefined;
  ssrc: number;
  readonly #digits: LegDigits;
  readonly #packet = new Uint8Array(RTP_HEADER_BYTES + LONGEST_PTIME_SAMPLES + FRAME_SAMPLES + SRTP_OVERHEAD_BYTES);
  readonly #eventPacket = new Uint8Array(RTP_HEADER_BYTES + 4 + SRTP_OVERHEAD_BYTES);
  /** Codes of frames on their way into a packet that is not one frame long. */
  readonly #pending = new Uint8Array(LONGEST_PTIME_SAMPLES + FRAME_SAMPLES);
  #pendingLength = 0;
  #configuration: RtpConfiguration | undefined;
  #key: { suite: SrtpSuite; key: Uint8Array } | undefined;
  #codec: AudioCodec = 'pcma';
  /** Our times are of 8 kHz; RTP's are so many times that. */
  #times = 1;
  /** Present while frames are of 16 kHz. */
  #wide: WideEncoding | undefined;
  #sequence: number;
  #timestamp: number;
  #isSending = false;
  /** Of the packets passed on to our far end: when the last was, its time stamp, and what is added to the time stamps. */
  #relayedAtMs = -Infinity;
  #relayedTimestamp = 0;
  #relayOffset = 0;
  #isRelayed = false;
  /** Frames in which nothing was to be heard. */
  #silentFrames = 0;

  constructor(begin: { ssrc: number; sequence: number; timestamp: number }, digits: LegDigits) {
    this.ssrc = begin.ssrc;
    this.#sequence = begin.sequence;
    this.#timestamp = begin.timestamp;
    this.#digits = digits;
  }

  get mayTransmit(): boolean {
    const direction = this.#configuration?.direction;
    return direction === 'sendrecv' || direction === 'sendonly';
  }

  /** Of now, as RTP counts. */
  get rtpTime(): number {
    return this.#rtpTime(this.#timestamp);
  }

  configure(configuration: RtpConfiguration): void {
    this.#configuration = configuration;
    this.#secure(configuration.srtp?.suite, configuration.srtp?.sendKey);
    if (configuration.ssrc !== undefined) this.ssrc = configuration.ssrc;
    this.#pendingLength = 0;
  }

  /** @returns true when it is another codec than before; nothing is touched when it stays what it was */
  agreeOn(codec: AudioCodec): boolean {
    if (codec === this.#codec) return false;
    this.endRelay();
    this.#codec = codec;
    this.#times = this.#digits.events.clockTimes = clockTimes(codec);
    this.#isSending = false;
    return true;
  }

  /** Frames of 16 kHz, or of 8. */
  setWidth(isWide: boolean): void {
    this.#wide = isWide ? new WideEncoding(this.#codec) : undefined;
  }

  /** One tick: what is heard, a digit, or nothing while packets are passed on. */
  consume(mix: Mix | undefined, own: Voice | undefined, tick: Tick): void {
    this.#timestamp = (this.#timestamp + FRAME_SAMPLES * (1 + tick.skipped)) >>> 0;
    const configuration = this.#configuration;
    if (!configuration || !this.remote || !this.mayTransmit) {
      this.#isSending = false;
      this.#pendingLength = 0;
      if (!this.#digits.isIdle) this.#digits.clear();
      return;
    }
    const { events } = this.#digits;
    if (!events.isIdle && events.frame(this.rtpTime) === 'event') {
      this.#sendEvent(configuration);
      return;
    }
    const tones = this.#digits.isIdle ? undefined : this.#digits.nextTones();
    if (tones) {
      this.endRelay();
      this.#sendFrame(configuration, tones, undefined);
      return;
    }
    if (this.#isRelayed) {
      if (tick.nowMs - this.#relayedAtMs < RELAY_PAUSE_MS) return;
      this.endRelay();
    }
    if (configuration.comfortNoisePayloadType === undefined || !this.#isSilence(mix, own))
      this.#sendFrame(configuration, mix, own);
    else this.#tellSilence(configuration, configuration.comfortNoisePayloadType, mix, own);
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
    if (!this.remote || !this.mayTransmit || length > LONGEST_PTIME_SAMPLES) return false;
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

  /** Time stamps go on from the last packet passed on, should those have run ahead of the tick. */
  endRelay(): void {
    if (!this.#isRelayed) return;
    this.#isRelayed = false;
    const next = this.#relayedTimestamp + FRAME_SAMPLES * this.#times;
    const ahead = (next - this.rtpTime) | 0;
    if (ahead > 0) this.#timestamp = (this.#timestamp + Math.ceil(ahead / this.#times)) >>> 0;
  }

  /** New keys begin anew; the same go on where they were. */
  #secure(suite: SrtpSuite | undefined, key: Uint8Array | undefined): void {
    const before = this.#key;
    this.#key = suite && key && { suite, key };
    if (suite === before?.suite && isSameKey(key, before?.key)) return;
    this.srtp = suite && key && new SrtpSender(suite, key);
    // So that the first rollover cannot be among packets that are lost before the far end has heard any (RFC 3711 §3.3.1).
    if (this.srtp && this.packetsSent === 0) this.#sequence &= 0x7fff;
  }

  /** Of a time of ours; as both wrap at 2^32, their multiples do too. */
  #rtpTime(timestamp: number): number {
    return Math.imul(timestamp, this.#times) >>> 0;
  }

  #sendFrame(configuration: RtpConfiguration, mix: Mix | undefined, own: Voice | undefined): void {
    if (configuration.ptimeMs === 20 || configuration.codec === 'opus') {
      const length = this.#encode(mix, own, configuration.codec, this.#packet, RTP_HEADER_BYTES);
      this.#send(configuration.payloadType, this.rtpTime, length);
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

  #encode(mix: Mix | undefined, own: Voice | undefined, law: AudioCodec, into: Uint8Array, at: number): number {
    if (this.#wide) return this.#wide.encode(mix, own, into, at);
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
    this.#send(payloadType, this.rtpTime, 1);
    this.#isSending = false; // The next sound begins a talk spurt.
  }

  #send(payloadType: number, timestamp: number, payloadLength: number): void {
    // The marker tells the far end that it may set its play-out anew (RFC 3551 §4.1).
    writeRtpHeader(this.#packet, payloadType, !this.#isSending, this.#sequence, timestamp, this.ssrc);
    this.#sequence = (this.#sequence + 1) & 0xffff;
    this.#isSending = true;
    this.packetsSent += 1;
    this.octetsSent += payloadLength;
    const length = RTP_HEADER_BYTES + payloadLength;
    const secured = this.srtp?.protect(this.#packet, RTP_HEADER_BYTES, length);
    this.socket!.send(this.#packet, secured ?? length, this.remote!);
  }

  #sendEvent(configuration: RtpConfiguration): void {
    const event = this.#digits.events;
    const packet = this.#eventPacket;
    const payloadType = configuration.telephoneEventPayloadType!;
    writeRtpHeader(packet, payloadType, event.hasMarker, this.#sequence, event.timestamp, this.ssrc);
    packet.set(event.payload, RTP_HEADER_BYTES);
    this.#sequence = (this.#sequence + 1) & 0xffff;
    this.#pendingLength = 0;
    this.packetsSent += 1;
    this.octetsSent += 4;
    const length = RTP_HEADER_BYTES + event.payload.length;
    this.socket!.send(packet, this.srtp?.protect(packet, RTP_HEADER_BYTES, length) ?? length, this.remote!);
  }
}
