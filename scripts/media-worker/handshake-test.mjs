// handshake-test.mjs WORKER: does this media worker do what browsers need?
// A real DTLS handshake and SRTP both ways between two WebRtcTransports, joined by a relay that plays the ICE peer of each
// (mediasoup is ICE-lite: it never calls first); then SRTP both ways against node:crypto, a second implementation.
// A worker that starts and makes transports can still crash at the first handshake, so nothing less will do.
// The last line is "ok" or the reason; the exit code says the same.
import { createHmac, randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { crc32 } from 'node:zlib';
import * as mediasoup from 'mediasoup';
import { headerBytes, KEY_BYTES, protect, unprotect } from './srtp.mjs';

const PACKETS = 10;
const PACKET_EVERY_MS = 20;
const GIVE_UP_AFTER_MS = 30_000; // a loaded machine is fifteen times slower than a quiet one
const MARKER = Buffer.from('tocsin asks: can you hear this sentence?');
const LOOPBACK = '127.0.0.1';
const LISTEN = { protocol: /** @type {const} */ ('udp'), ip: LOOPBACK };
const CODEC = {
  kind: /** @type {const} */ ('audio'),
  mimeType: 'audio/opus',
  clockRate: 48000,
  channels: 2,
  preferredPayloadType: 100,
};

const [workerBin] = process.argv.slice(2);
process.on('uncaughtException', (error) => finish(String(error)));
setTimeout(() => finish(`no result after ${GIVE_UP_AFTER_MS / 1000} s`), GIVE_UP_AFTER_MS).unref();
try {
  await testWorker(workerBin);
  finish();
} catch (error) {
  finish(String(error));
}

/** @param {string} [workerBin] */
async function testWorker(workerBin) {
  if (!workerBin) throw new Error('name the worker to test');
  const worker = await mediasoup.createWorker({ workerBin, logLevel: 'error' });
  worker.on('died', (error) => finish(`the worker died: ${error.message}`));
  const routers = [
    await worker.createRouter({ mediaCodecs: [CODEC] }),
    await worker.createRouter({ mediaCodecs: [CODEC] }),
  ];

  const pair = await connectTwoEnds(routers);
  for (const [from, to] of [
    [0, 1],
    [1, 0],
  ])
    await passBetweenRouters(pair, routers, from, to);
  if (pair.readable()) throw new Error('the relay could read what should be encrypted');

  for (const suite of /** @type {const} */ (['AES_CM_128_HMAC_SHA1_80', 'AEAD_AES_256_GCM']))
    await passAgainstNodeCrypto(routers[0], suite);
  worker.removeAllListeners('died');
  worker.close();
}

/** Two WebRtcTransports on two routers, one the DTLS client and one the server. @param {mediasoup.types.Router[]} routers */
async function connectTwoEnds([routerA, routerB]) {
  const client = await routerA.createWebRtcTransport({ listenInfos: [LISTEN] });
  const server = await routerB.createWebRtcTransport({ listenInfos: [LISTEN] });
  const toClient = await openSocket();
  const toServer = await openSocket();
  let sawMarker = false;
  const relay = (
    /** @type {Socket} */ from,
    /** @type {Socket} */ to,
    /** @type {mediasoup.types.WebRtcTransport} */ transport,
  ) =>
    from.on('message', (packet) => {
      if (packet[0] < 4) return; // STUN answers are for the relay itself (RFC 7983 §7)
      sawMarker ||= packet.includes(MARKER);
      to.send(packet, transport.iceCandidates[0].port, LOOPBACK);
    });
  relay(toClient, toServer, server);
  relay(toServer, toClient, client);

  await client.connect({ dtlsParameters: { ...server.dtlsParameters, role: 'server' } });
  await server.connect({ dtlsParameters: { ...client.dtlsParameters, role: 'client' } });
  await becomeIcePeer(toServer, server); // the DTLS server first: the client calls as soon as it has a peer
  await becomeIcePeer(toClient, client);
  await Promise.all([connected(client), connected(server)]);
  return { transports: [client, server], readable: () => sawMarker };
}

/** @param {{transports: mediasoup.types.WebRtcTransport[]}} pair @param {mediasoup.types.Router[]} routers @param {number} from @param {number} to */
async function passBetweenRouters(pair, routers, from, to) {
  const source = await openPlainEnd(routers[from]);
  const sink = await openPlainEnd(routers[to]);
  const entering = await source.transport.produce(rtpOf(source.ssrc));
  const leaving = await pair.transports[from].consume({
    producerId: entering.id,
    rtpCapabilities: routers[from].rtpCapabilities,
  });
  const arriving = await pair.transports[to].produce({ kind: 'audio', rtpParameters: leaving.rtpParameters });
  await sink.transport.consume({ producerId: arriving.id, rtpCapabilities: routers[to].rtpCapabilities });
  await passPackets(source, sink, `DTLS-SRTP, ${from ? 'server to client' : 'client to server'}`);
}

/** @param {mediasoup.types.Router} router @param {import('./srtp.mjs').Suite} suite */
async function passAgainstNodeCrypto(router, suite) {
  for (const secureSide of ['in', 'out']) {
    const source = await openPlainEnd(router, secureSide === 'in' ? suite : undefined);
    const sink = await openPlainEnd(router, secureSide === 'out' ? suite : undefined);
    const producer = await source.transport.produce(rtpOf(source.ssrc));
    await sink.transport.consume({ producerId: producer.id, rtpCapabilities: router.rtpCapabilities });
    await passPackets(source, sink, `${suite} ${secureSide}`);
  }
}

/** A PlainTransport and a socket of ours that talks to it, with SRTP by node:crypto when a suite is named. @param {mediasoup.types.Router} router @param {import('./srtp.mjs').Suite} [suite] */
async function openPlainEnd(router, suite) {
  const transport = await router.createPlainTransport({
    listenInfo: LISTEN,
    rtcpMux: true,
    enableSrtp: Boolean(suite),
    srtpCryptoSuite: suite,
  });
  const socket = await openSocket();
  const ours = randomBytes(suite ? KEY_BYTES[suite][0] + KEY_BYTES[suite][1] : 0);
  const srtpParameters = suite && { cryptoSuite: suite, keyBase64: ours.toString('base64') };
  await transport.connect({ ip: LOOPBACK, port: socket.address().port, srtpParameters });
  const theirs = Buffer.from(transport.srtpParameters?.keyBase64 ?? '', 'base64');
  return {
    transport,
    ssrc: randomBytes(4).readUInt32BE(),
    send: (/** @type {Buffer} */ rtp) =>
      socket.send(suite ? protect(suite, ours, rtp) : rtp, transport.tuple.localPort, LOOPBACK),
    onPacket: (/** @type {(rtp: Buffer) => void} */ heard) =>
      socket.on('message', (packet) => {
        const isRtcp = packet[1] >= 192 && packet[1] <= 223; // RFC 5761 §4
        if (!isRtcp) heard(suite ? unprotect(suite, theirs, packet) : packet);
      }),
    close: () => (transport.close(), socket.close()),
  };
}

/** @param {Awaited<ReturnType<typeof openPlainEnd>>} source @param {Awaited<ReturnType<typeof openPlainEnd>>} sink @param {string} what */
async function passPackets(source, sink, what) {
  let heard = 0;
  sink.onPacket((rtp) => (heard += rtp.subarray(headerBytes(rtp)).equals(MARKER) ? 1 : 0));
  const begun = performance.now();
  for (let sequence = 1; heard < PACKETS / 2; sequence++) {
    if (performance.now() - begun > GIVE_UP_AFTER_MS / 3)
      throw new Error(`${what}: ${heard} of ${sequence} packets came through`);
    source.send(rtpPacket(sequence, source.ssrc));
    await sleep(PACKET_EVERY_MS);
  }
  source.close();
  sink.close();
}

/** @param {number} sequence @param {number} ssrc */
function rtpPacket(sequence, ssrc) {
  const header = Buffer.from([0x80, CODEC.preferredPayloadType, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
  header.writeUInt16BE(sequence, 2);
  header.writeUInt32BE(sequence * 960, 4);
  header.writeUInt32BE(ssrc, 8);
  return Buffer.concat([header, MARKER]);
}

/** @param {number} ssrc @returns {mediasoup.types.ProducerOptions} */
function rtpOf(ssrc) {
  const { mimeType, clockRate, channels, preferredPayloadType: payloadType } = CODEC;
  return {
    kind: 'audio',
    rtpParameters: { codecs: [{ mimeType, clockRate, channels, payloadType }], encodings: [{ ssrc }] },
  };
}

/** Sends binding requests that nominate this pair, until the transport has taken it (RFC 8445 §7.2). @param {Socket} socket @param {mediasoup.types.WebRtcTransport} transport */
async function becomeIcePeer(socket, transport) {
  while (transport.iceState !== 'connected' && transport.iceState !== 'completed') {
    socket.send(bindingRequest(transport.iceParameters), transport.iceCandidates[0].port, LOOPBACK);
    await sleep(PACKET_EVERY_MS);
  }
}

/** RFC 8489 §5, §14; RFC 8445 §16.1. @param {mediasoup.types.IceParameters} ice */
function bindingRequest({ usernameFragment, password }) {
  const header = Buffer.concat([Buffer.from([0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42]), randomBytes(12)]);
  let message = Buffer.concat([
    header,
    attribute(0x0006, Buffer.from(`${usernameFragment}:relay`)), // USERNAME
    attribute(0x0024, Buffer.from([0x7e, 0xff, 0xff, 0xff])), // PRIORITY
    attribute(0x802a, randomBytes(8)), // ICE-CONTROLLING
    attribute(0x0025, Buffer.alloc(0)), // USE-CANDIDATE
  ]);
  message = seal(message, 0x0008, 20, (covered) => createHmac('sha1', password).update(covered).digest()); // MESSAGE-INTEGRITY
  return seal(message, 0x8028, 4, (covered) => {
    const fingerprint = Buffer.alloc(4);
    fingerprint.writeUInt32BE((crc32(covered) ^ 0x5354554e) >>> 0);
    return fingerprint;
  });
}

/** Appends an attribute computed over the message, whose length field already counts it. @param {Buffer} message @param {number} type @param {number} bytes @param {(covered: Buffer) => Buffer} compute */
function seal(message, type, bytes, compute) {
  message.writeUInt16BE(message.length - 20 + 4 + bytes, 2);
  return Buffer.concat([message, attribute(type, compute(message))]);
}

/** @param {number} type @param {Buffer} value */
function attribute(type, value) {
  const head = Buffer.alloc(4);
  head.writeUInt16BE(type, 0);
  head.writeUInt16BE(value.length, 2);
  return Buffer.concat([head, value, Buffer.alloc((4 - (value.length % 4)) % 4)]);
}

/** @param {mediasoup.types.WebRtcTransport} transport */
async function connected(transport) {
  while (transport.dtlsState !== 'connected') {
    if (transport.dtlsState === 'failed' || transport.dtlsState === 'closed')
      throw new Error(`DTLS ${transport.dtlsState}`);
    await sleep(PACKET_EVERY_MS);
  }
}

/** @typedef {import('node:dgram').Socket} Socket */

async function openSocket() {
  const socket = createSocket('udp4');
  socket.on('error', (error) => finish(String(error)));
  socket.bind(0, LOOPBACK);
  await once(socket, 'listening');
  return socket;
}

/** @param {string} [reason] */
function finish(reason) {
  console.log(reason ?? 'ok');
  process.exit(reason ? 1 : 0);
}
