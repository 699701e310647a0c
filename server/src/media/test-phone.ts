import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { AudioCodec } from './codecs/codec.ts';
import { decodeG711, encodeG711, STATIC_PAYLOAD_TYPE } from './codecs/g711.ts';
import { G722Decoder, G722Encoder } from './codecs/g722.ts';
import { sine } from './measure.ts';
import { OpusDecoder, OpusEncoder } from './codecs/opus.ts';
import { readRtp, writeRtp } from './rtp.ts';

/** A phone for tests: says a tone by RTP over loopback and keeps what it hears. */
export interface TestPhone extends AsyncDisposable {
  readonly host: string;
  readonly port: number;
  /** Of what it says and hears. */
  readonly rateHz: number;
  /** Everything heard so far, in the order of arrival. */
  readonly heard: Int16Array;
  /** Telephone-event packets heard: event, end bit, duration, timestamp. */
  readonly events: { event: number; isEnd: boolean; duration: number; timestamp: number }[];
  /** RTCP packets heard on the port itself or the next. */
  readonly rtcp: Uint8Array[];
  /** SSRCs heard, each once. */
  readonly ssrcs: Set<number>;
  packetsHeard: number;
  /** Sequence numbers that did not follow on the one before, and time stamps of audio that went back. */
  readonly breaks: { sequence: number; timestamp: number };
  /** Sends to this port from now on, 20 ms apart. */
  call(remote: { host: string; port: number }): void;
  /** What it says from now on; undefined: silence packets. */
  say(samples: Int16Array | { hz: number; levelDb?: number } | undefined): void;
  /** Sends this packet from its port, beside what it says. */
  send(packet: Uint8Array): void;
  /** Stops sending, as a phone that lost its network. */
  hush(): void;
  /** Sends one digit as a telephone-event, packets of 20 ms; `endPackets` may be lost on the way. */
  press(event: number, options?: { durationMs?: number; endPackets?: number; payloadType?: number }): Promise<void>;
  /** What it heard in the last `durationMs`. */
  lately(durationMs: number): Int16Array;
  forget(): void;
}

/** Opens a phone. `port` 0: any. */
export async function openTestPhone(
  options: { law?: AudioCodec; host?: string; port?: number; telephoneEventPayloadType?: number } = {},
): Promise<TestPhone> {
  const { law = 'pcma', host = '127.0.0.1', telephoneEventPayloadType = 101 } = options;
  const socket = createSocket('udp4');
  socket.bind(options.port ?? 0, host);
  await once(socket, 'listening');
  const rateHz = law === 'g722' || law === 'opus' ? 16_000 : 8000;
  const clockTimes = law === 'opus' ? 6 : 1;
  const frameSamples = rateHz / 50;
  const payloadType = { ...STATIC_PAYLOAD_TYPE, g722: 9, opus: 96 }[law];
  const [encode, decode] = codingOf(law);
  const chunks: Int16Array[] = [];
  let remote: { host: string; port: number } | undefined;
  let voice: Int16Array = new Int16Array(frameSamples);
  let place = 0;
  let sequence = 1000 + (socket.address().port % 1000);
  let timestamp = 160_000;
  let isPressing = false;
  let last: { sequence: number; timestamp: number } | undefined;
  const ssrc = (socket.address().port * 65_537) >>> 0;
  const began = performance.now();
  let frames = 0;

  const send = (packet: Uint8Array) => remote && socket.send(packet, remote.port, remote.host, () => {});
  const timer = setInterval(() => {
    const due = Math.floor((performance.now() - began) / 20);
    // A test machine that stalls must not be followed by a burst.
    if (due - frames > 5) frames = due - 1;
    for (; frames < due; frames += 1) {
      timestamp += 160 * clockTimes;
      const frame = new Int16Array(frameSamples);
      for (let i = 0; i < frameSamples; i += 1) frame[i] = voice[(place + i) % voice.length]!;
      place = (place + frameSamples) % voice.length;
      if (!remote || isPressing) continue;
      send(writeRtp({ payloadType, sequence: sequence++, timestamp, ssrc, payload: encode(frame) }));
    }
  }, 5);

  const phone: TestPhone = {
    host,
    port: socket.address().port,
    rateHz,
    events: [],
    rtcp: [],
    ssrcs: new Set(),
    packetsHeard: 0,
    breaks: { sequence: 0, timestamp: 0 },
    get heard() {
      return joined(chunks);
    },
    call: (to) => void (remote = to),
    say(what) {
      place = 0;
      if (what === undefined) voice = new Int16Array(frameSamples);
      else voice = what instanceof Int16Array ? what : sine({ ...what, durationMs: 1000, rateHz });
    },
    send: (packet) => void send(packet),
    hush: () => void (remote = undefined),
    async press(event, { durationMs = 100, endPackets = 3, payloadType: eventType = telephoneEventPayloadType } = {}) {
      isPressing = true;
      const start = timestamp + 160 * clockTimes;
      const sendEvent = (duration: number, isEnd: boolean, hasMarker: boolean) => {
        const payload = Uint8Array.of(event, (isEnd ? 0x80 : 0) | 10, duration >> 8, duration & 255);
        send(writeRtp({ payloadType: eventType, hasMarker, sequence: sequence++, timestamp: start, ssrc, payload }));
      };
      const step = 160 * clockTimes;
      const total = durationMs * 8 * clockTimes;
      for (let duration = step; duration < total; duration += step) {
        sendEvent(duration, false, duration === step);
        await sleep(20);
      }
      for (let i = 0; i < endPackets; i += 1) sendEvent(total, true, false);
      await sleep(20);
      isPressing = false;
    },
    lately(durationMs) {
      const all = joined(chunks);
      return all.subarray(Math.max(0, all.length - (durationMs * rateHz) / 1000));
    },
    forget() {
      chunks.length = 0;
      phone.events.length = 0;
      phone.packetsHeard = 0;
    },
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      socket.close();
      await once(socket, 'close');
    },
  };

  socket.on('message', (packet) => {
    if (packet[1]! >= 192 && packet[1]! <= 223) return void phone.rtcp.push(Uint8Array.from(packet));
    const rtp = readRtp(packet);
    if (!rtp) return;
    phone.packetsHeard += 1;
    if (last && rtp.sequence !== ((last.sequence + 1) & 0xffff)) phone.breaks.sequence += 1;
    if (last && ((rtp.timestamp - last.timestamp) | 0) < 0) phone.breaks.timestamp += 1;
    last = rtp;
    phone.ssrcs.add(rtp.ssrc);
    if (rtp.payloadType === payloadType) chunks.push(decode(rtp.payload));
    else if (rtp.payloadType === telephoneEventPayloadType && rtp.payload.length >= 4) {
      const [event, flags, high, low] = rtp.payload as unknown as [number, number, number, number];
      phone.events.push({ event, isEnd: flags >= 128, duration: high * 256 + low, timestamp: rtp.timestamp });
    }
  });
  return phone;
}

type Coding = [encode: (samples: Int16Array) => Uint8Array, decode: (codes: Uint8Array) => Int16Array];

function codingOf(codec: AudioCodec): Coding {
  if (codec === 'opus') {
    const [encoder, decoder] = [new OpusEncoder(), new OpusDecoder()];
    const [bytes, sound] = [new Uint8Array(640), new Int16Array(1920)];
    return [
      (samples) => bytes.slice(0, encoder.encode(samples, bytes)),
      (codes) => sound.slice(0, decoder.decode(codes, 0, codes.length, sound)),
    ];
  }
  if (codec !== 'g722') return [(samples) => encodeG711(codec, samples), (codes) => decodeG711(codec, codes)];
  const [encoder, decoder] = [new G722Encoder(), new G722Decoder()];
  return [
    (samples) => {
      const codes = new Uint8Array(samples.length / 2);
      encoder.encode(samples, codes);
      return codes;
    },
    (codes) => {
      const samples = new Int16Array(codes.length * 2);
      decoder.decode(codes, 0, codes.length, samples);
      return samples;
    },
  ];
}

function joined(chunks: Int16Array[]): Int16Array {
  const all = new Int16Array(chunks.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const chunk of chunks) {
    all.set(chunk, at);
    at += chunk.length;
  }
  return all;
}
