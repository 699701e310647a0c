import { createSocket } from 'node:dgram';
import type { TestContext } from 'node:test';

/** A packet that came from the worker. */
export interface HeardPacket {
  atMs: number;
  payloadType: number;
  hasMarker: boolean;
  timestamp: number;
  payload: Buffer;
}

/**
 * Stands for the media engine: one RTP port that says a tone in A-law every 20 ms and keeps what it hears.
 * Closed with the test.
 */
export async function openEngine(t: TestContext, ssrc = 0x10c51234) {
  const socket = createSocket('udp4');
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  const heard: HeardPacket[] = [];
  socket.on('message', (datagram) => {
    const packet = readRtp(datagram);
    if (packet) heard.push(packet);
  });
  let sequence = 0;
  let timestamp = 0;
  let ticking: NodeJS.Timeout | undefined;
  t.after(() => {
    clearInterval(ticking);
    socket.close();
  });
  const send = (
    to: { host: string; port: number },
    payloadType: number,
    hasMarker: boolean,
    at: number,
    payload: Buffer,
  ) => {
    const header = Buffer.alloc(12);
    header[0] = 0x80;
    header[1] = payloadType | (hasMarker ? 0x80 : 0);
    header.writeUInt16BE(sequence++ & 0xffff, 2);
    header.writeUInt32BE(at, 4);
    header.writeUInt32BE(ssrc, 8);
    socket.send(Buffer.concat([header, payload]), to.port, to.host);
  };
  return {
    ssrc,
    host: '127.0.0.1',
    port: socket.address().port,
    heard,
    /** Begins to say a tone to there. Timers run late on a busy machine, so what is due is sent, not one packet a tick. */
    say(hz: number, to: { host: string; port: number }) {
      clearInterval(ticking);
      const begin = performance.now();
      let sent = 0;
      ticking = setInterval(() => {
        for (; sent * 20 < performance.now() - begin; sent++) {
          const samples = Buffer.alloc(160);
          for (let i = 0; i < 160; i++)
            samples[i] = encodeALaw(Math.round(8000 * Math.sin((2 * Math.PI * hz * (timestamp + i)) / 8000)));
          send(to, 8, sent === 0, timestamp, samples);
          timestamp += 160;
        }
      }, 10);
    },
    hush() {
      clearInterval(ticking);
    },
    /** Sends one digit by RFC 4733: `count` packets, one every 20 ms, then two more ends. */
    pressDigit(event: number, payloadType: number, to: { host: string; port: number }, count: number) {
      const at = timestamp;
      const begin = performance.now();
      let i = 0;
      clearInterval(ticking);
      ticking = setInterval(() => {
        for (; i < count + 2 && i * 20 < performance.now() - begin; i++) {
          const payload = Buffer.from([event, (i >= count - 1 ? 0x80 : 0) | 10, 0, 0]);
          payload.writeUInt16BE(160 * Math.min(i + 1, count), 2);
          send(to, payloadType, i === 0, at, payload);
        }
      }, 10);
      timestamp += 160 * count;
    },
    /** Power of the tone at `hz` among the last `packets` packets of this payload type, 0-1. */
    share(hz: number, packets = 50, payloadType = 8): number {
      const samples = heard
        .filter((packet) => packet.payloadType === payloadType)
        .slice(-packets)
        .flatMap(({ payload }) => [...payload].map(decodeALaw));
      return toneShare(samples, hz);
    },
  };
}

/** Skips CSRC, extension and padding; RTCP, muxed on the same port, is not RTP (RFC 5761 §4). */
function readRtp(datagram: Buffer): HeardPacket | undefined {
  if (datagram.length < 12 || (datagram[1]! >= 192 && datagram[1]! <= 223)) return undefined;
  const first = datagram[0]!;
  let offset = 12 + 4 * (first & 0x0f);
  if (first & 0x10) offset += 4 + 4 * datagram.readUInt16BE(offset + 2);
  const padding = first & 0x20 ? datagram[datagram.length - 1]! : 0;
  return {
    atMs: performance.now(),
    payloadType: datagram[1]! & 0x7f,
    hasMarker: (datagram[1]! & 0x80) !== 0,
    timestamp: datagram.readUInt32BE(4),
    payload: datagram.subarray(offset, datagram.length - padding),
  };
}

/** Goertzel: the tone's share of all power. */
function toneShare(samples: number[], hz: number): number {
  const coefficient = 2 * Math.cos((2 * Math.PI * hz) / 8000);
  let [one, two, power] = [0, 0, 0];
  for (const sample of samples) {
    [one, two] = [sample + coefficient * one - two, one];
    power += sample * sample;
  }
  const tone = one * one + two * two - coefficient * one * two;
  return power === 0 ? 0 : tone / ((power * samples.length) / 2);
}

/** ITU-T G.711, A-law. */
function encodeALaw(sample: number): number {
  const sign = sample >= 0 ? 0x80 : 0;
  let magnitude = Math.min(32_767, Math.abs(sample)) >> 4;
  let exponent = 0;
  for (; magnitude > 31; magnitude >>= 1) exponent += 1;
  const code = magnitude > 15 ? ((exponent + 1) << 4) | (magnitude & 0x0f) : magnitude;
  return (sign | code) ^ 0x55;
}

function decodeALaw(byte: number): number {
  const code = byte ^ 0x55;
  const exponent = (code >> 4) & 7;
  const mantissa = ((code & 0x0f) << 4) + 8;
  const magnitude = exponent === 0 ? mantissa : (mantissa + 0x100) << (exponent - 1);
  return code & 0x80 ? magnitude : -magnitude;
}
