import { clockTimes, isWide, type AudioCodec } from '../codecs/codec.ts';
import { LINEAR_OF, type G711Law } from '../codecs/g711.ts';
import { ComfortNoise } from '../comfort-noise.ts';
import { JitterBuffer } from '../jitter-buffer.ts';
import { Reception } from '../reception.ts';
import { emptyRtpHeader, readRtpInto, type RtpHeader } from '../rtp.ts';
import { SrtpReceiver, type SrtpSuite } from '../srtp.ts';
import { Intruders } from './intruders.ts';
import { endpointOf, endpointOfKey } from './io.ts';
import { Latch } from './latch.ts';
import type { LegDigits } from './leg-digits.ts';
import type { LevelMeter } from './level-meter.ts';
import type { Tick } from './node.ts';
import type { OutgoingRtp } from './outgoing-rtp.ts';
import type { Report, RtpConfiguration } from './protocol.ts';
import { ReceivedFormats } from './rtp-formats.ts';
import { isSameKey } from './same-key.ts';
import { SsrcGuard } from './ssrc-guard.ts';
import { WideDecoding } from './wide-decoding.ts';

const COMFORT_NOISE = 13;
const HEADER = emptyRtpHeader();
/** Whoever has told us of his silence may be silent so many times longer before he counts as lost. */
const TOLD_SILENCE_TIMES = 3;
/** In a relayed call of Opus one packet of so many is decoded, for the level: they are passed on as they are. */
const LEVEL_OF_PACKETS = 5;

/** What the leg does for what it receives. */
interface Leg {
  id: string;
  meter: LevelMeter;
  digits: LegDigits;
  report: (report: Report) => void;
  /** The source is another than before. */
  moved(): void;
  /** The far end speaks a codec of 16 kHz: frames must be that wide. */
  becomeWide(): void;
}

/**
 * What a leg receives: from whom, whether it is heard, and as what; until it is a frame a tick, a digit, or a packet that another
 * leg passes on.
 */
export class IncomingRtp {
  readonly intruders: Intruders;
  readonly reception = new Reception();
  unknown = 0;
  /** Sound is listened to besides, for who has answered: it is not passed on past the jitter buffer. */
  isListenedTo = false;
  /** What sends our packets to its far end as they come. */
  relay: OutgoingRtp | undefined;
  isMediaLost = false;
  srtp: SrtpReceiver | undefined;
  readonly #leg: Leg;
  readonly #latch = new Latch();
  readonly #ssrcGuard = new SsrcGuard();
  readonly #noise = new ComfortNoise();
  #jitter = new JitterBuffer();
  #formats = new ReceivedFormats();
  /** Present while frames are of 16 kHz. */
  #wide: WideDecoding | undefined;
  #configuration: RtpConfiguration | undefined;
  #key: { suite: SrtpSuite; key: Uint8Array } | undefined;
  /** What came last. */
  #codec: AudioCodec = 'pcma';
  /** Our times are of 8 kHz; RTP's are so many times that. */
  #times = 1;
  #lastMediaMs = 0;
  #hasHeardMedia = false;
  #relayedPackets = 0;

  constructor(leg: Leg) {
    this.#leg = leg;
    this.intruders = new Intruders(leg.id, leg.report);
  }

  /** The address that it listens to. */
  get source(): number | undefined {
    return this.#latch.source;
  }

  get isReceiving(): boolean {
    const direction = this.#configuration?.direction;
    return direction === 'sendrecv' || direction === 'recvonly';
  }

  get isWide(): boolean {
    return this.#wide !== undefined;
  }

  get counts(): JitterBuffer['counts'] {
    return this.#jitter.counts;
  }

  get delayMs(): number {
    return this.#jitter.delayMs;
  }

  configure(configuration: RtpConfiguration, nowMs: number): void {
    const wasReceiving = this.isReceiving;
    const { remote, srtp } = configuration;
    this.#configuration = configuration;
    this.#secure(srtp?.suite, srtp?.receiveKey);
    this.#formats = new ReceivedFormats(configuration);
    this.#ssrcGuard.forget();
    this.#latch.signal(remote && endpointOf(remote.host, remote.port).key, configuration.latch);
    if (!this.isReceiving) {
      this.#jitter.reset();
      this.#noise.end();
      this.isMediaLost = false;
    }
    if (!wasReceiving && this.isReceiving) this.#lastMediaMs = nowMs;
  }

  /** What the far end is expected to speak from now on. */
  expect(codec: AudioCodec): void {
    this.#codec = codec;
    this.#times = clockTimes(codec);
    this.reception.unitsPerMs = 8 * this.#times;
  }

  /** Frames of 16 kHz, or of 8. */
  setWidth(isWide: boolean): void {
    this.#wide = isWide ? new WideDecoding(this.#codec) : undefined;
    this.#jitter = new JitterBuffer(isWide ? 16_000 : 8000);
  }

  /** What comes next belongs to another stretch: from a relay to the jitter buffer or back. */
  begin(): void {
    this.#jitter.reset();
  }

  /** A packet that is no RTCP. */
  receive(packet: Uint8Array, received: number, fromKey: number, arrivedAtMs: number): void {
    const length = this.srtp ? this.srtp.unprotect(packet, received) : received;
    if (length < 0) return this.intruders.note('key', fromKey);
    const header = HEADER;
    const isRtp = readRtpInto(packet, length, header);
    const eventTimes = isRtp ? this.#formats.eventTimesOf(header.payloadType) : 0;
    const codec = isRtp ? this.#formats.codecOf(header.payloadType) : undefined;
    if (eventTimes === 0 && !codec && !(isRtp && header.payloadType === COMFORT_NOISE)) {
      this.unknown += 1;
      return;
    }
    const verdict = this.#latch.judge(fromKey, arrivedAtMs);
    if (verdict === 'refused') return this.intruders.note('source', fromKey);
    if (verdict === 'moved') {
      this.#leg.moved();
      this.#ssrcGuard.forget();
    }
    if (!this.#ssrcGuard.admit(header.ssrc, arrivedAtMs)) return this.intruders.note('ssrc', fromKey);
    const octets = header.payloadEnd - header.payloadStart;
    const isNew = this.reception.note(header.ssrc, header.sequence, octets);
    if (isNew) {
      this.#jitter.reset();
      this.#wide?.forgetSource();
      this.#noise.end();
    }
    this.#noteMedia(arrivedAtMs, verdict === 'moved');
    if (!this.isReceiving) return;
    if (codec) this.#takeSound(packet, header, codec, isNew, arrivedAtMs);
    else if (eventTimes > 0) this.#takeEvent(packet, header, eventTimes, arrivedAtMs);
    else {
      this.#jitter.expectSilence();
      if (octets > 0) this.#noise.begin(packet[header.payloadStart]!);
    }
  }

  /** RTCP has come: who sends no sound, being muted or on hold, still reports. He is there. */
  noteReport(nowMs: number): void {
    if (!this.isMediaLost) this.#lastMediaMs = nowMs;
  }

  /** The next frame. @returns whether there is sound in it */
  read(frame: Int16Array, tick: Tick): boolean {
    if (this.#jitter.read(frame, tick.nowMs, tick.skipped)) return true;
    if (!this.#noise.isOn || this.isMediaLost) return false;
    this.#noise.fill(frame);
    return true;
  }

  /** Ten times a second: loss is measured, intruders are told, and that nothing comes any more. */
  tend(nowMs: number): void {
    this.reception.measureLoss(nowMs);
    this.intruders.tend(nowMs);
    const lostAfterMs = this.#configuration?.mediaLostAfterMs;
    if (lostAfterMs === undefined || !this.isReceiving || this.isMediaLost) return;
    if (nowMs - this.#lastMediaMs <= lostAfterMs * (this.#noise.isOn ? TOLD_SILENCE_TIMES : 1)) return;
    this.isMediaLost = true;
    this.#leg.report({ about: this.#leg.id, what: 'media-lost' });
  }

  /** New keys begin anew; the same go on where they were. */
  #secure(suite: SrtpSuite | undefined, key: Uint8Array | undefined): void {
    const before = this.#key;
    this.#key = suite && key && { suite, key };
    if (suite === before?.suite && isSameKey(key, before?.key)) return;
    this.srtp = suite && key && new SrtpReceiver(suite, key);
  }

  #takeSound(packet: Uint8Array, header: RtpHeader, codec: AudioCodec, isNew: boolean, arrivedAtMs: number): void {
    if (codec !== this.#codec) this.#hearAs(codec);
    this.#noise.end();
    this.reception.noteTransit(header.timestamp, arrivedAtMs);
    // Digits are looked for in frames, which only the jitter buffer makes.
    const isRelayed =
      !this.#leg.digits.isListeningInSound &&
      !this.isListenedTo &&
      this.relay?.pass(packet, header, codec, isNew, arrivedAtMs) === true;
    if (this.#wide) return this.#takeWide(this.#wide, packet, header, codec, isRelayed, arrivedAtMs);
    const linear = LINEAR_OF[codec as G711Law];
    const { payloadStart, payloadEnd, timestamp } = header;
    if (!isRelayed) return this.#jitter.insert(packet, payloadStart, payloadEnd, timestamp, linear, arrivedAtMs);
    let energy = 0;
    for (let i = payloadStart; i < payloadEnd; i += 1) energy += linear[packet[i]!]! ** 2;
    this.#leg.meter.add(energy);
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
    if (isRelayed) this.#leg.meter.add(wide.energy(count) * (codec === 'opus' ? LEVEL_OF_PACKETS : 1));
    else this.#jitter.insertSamples(wide.decoded, count, at, arrivedAtMs);
  }

  #takeEvent(packet: Uint8Array, header: RtpHeader, eventTimes: number, arrivedAtMs: number): void {
    const { payloadStart, payloadEnd, timestamp } = header;
    this.#leg.digits.readEvent(packet, payloadStart, payloadEnd, timestamp, eventTimes, arrivedAtMs);
    // Of another clock than the sound it cannot be laid beside it.
    if (payloadEnd - payloadStart < 4 || eventTimes !== this.#times) return;
    const duration = (packet[payloadStart + 2]! << 8) | packet[payloadStart + 3]!;
    const at = this.#wide?.sampleTime(timestamp) ?? timestamp;
    this.#jitter.insertSilence(at, this.#wide ? (duration * 2) / eventTimes : duration, arrivedAtMs);
  }

  /** The far end speaks another codec than before, of those that it may. */
  #hearAs(codec: AudioCodec): void {
    const hasAnotherClock = clockTimes(codec) !== this.#times;
    this.expect(codec);
    if (isWide(codec) && !this.#wide) this.#leg.becomeWide();
    else if (hasAnotherClock) this.#jitter.reset();
    this.#wide?.hear(codec);
  }

  #noteMedia(nowMs: number, hasMoved: boolean): void {
    this.#lastMediaMs = nowMs;
    if (this.#hasHeardMedia && !this.isMediaLost && !hasMoved) return;
    this.#hasHeardMedia = true;
    this.isMediaLost = false;
    const { host, port } = endpointOfKey(this.#latch.source!);
    this.#leg.report({ about: this.#leg.id, what: 'media-found', remote: { host, port } });
  }
}
