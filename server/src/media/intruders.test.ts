import assert from 'node:assert/strict';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { test, type TestContext } from 'node:test';
import { encodeG711 } from './codecs/g711.ts';
import { sine, toneLevelDb } from './measure.ts';
import { writeRtp } from './rtp.ts';
import { SrtpSender, SRTP_OVERHEAD_BYTES } from './srtp.ts';
import { engineFor, until } from './test-engine.ts';

const SAID_HZ = 900;
const INJECTED_HZ = 1700;
const SUITE = 'AES_CM_128_HMAC_SHA1_80';

async function socketFor(t: TestContext, host = '127.0.0.1'): Promise<Socket> {
  const socket = createSocket('udp4');
  socket.bind(0, host);
  await once(socket, 'listening');
  t.after(() => socket.close());
  return socket;
}

/** Frames of a tone as RTP, in order. */
function speaks(hz: number, ssrc: number): (n: number) => Uint8Array {
  const codes = encodeG711('pcma', sine({ hz, durationMs: 1000, rateHz: 8000, levelDb: -10 }));
  return (n) =>
    writeRtp({
      ...{ payloadType: 8, ssrc, sequence: (7000 + n) & 0xffff, timestamp: (n * 160) >>> 0 },
      payload: codes.subarray((n % 50) * 160, (n % 50) * 160 + 160),
    });
}

/** Sends a packet every 20 ms until it is disposed of: before the sockets close. */
function every20Ms(send: (n: number) => void): Disposable {
  let n = 0;
  const timer = setInterval(() => send(n++), 20);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

test('nobody hears what others than the far end send into a talk; it is counted, and told once', async (t) => {
  const { engine, phoneWith } = await engineFor(t);
  const listener = await phoneWith(undefined);
  const { phone, leg } = await phoneWith(SAID_HZ);
  const bridge = await engine.openBridge();
  await bridge.add(leg);
  await bridge.add(listener.leg);
  const told: { kind: string; from: { host: string } }[] = [];
  engine.on('intruded', (intrusion) => told.push(intrusion));
  const hearsIt = () => toneLevelDb(listener.phone.lately(300), SAID_HZ) > -12;
  await until(hearsIt, 'the talk goes on');

  const [otherPort, otherHost] = [await socketFor(t), await socketFor(t, '127.0.0.2')];
  const [byPort, byHost, bySsrc] = [speaks(INJECTED_HZ, 666), speaks(INJECTED_HZ, 667), speaks(INJECTED_HZ, 668)];
  using _injecting = every20Ms((n) => {
    otherPort.send(byPort(n), leg.localPort, leg.localHost);
    otherHost.send(byHost(n), leg.localPort, leg.localHost);
    // As somebody would who writes the far end's address on his packets.
    phone.send(bySsrc(n));
  });
  await until(async () => (await leg.statistics()).packetsInjected >= 150, 'they are counted');
  const heard = listener.phone.lately(900);
  assert.ok(toneLevelDb(heard, INJECTED_HZ) < -45, `${toneLevelDb(heard, INJECTED_HZ)} dB of the intruders`);
  assert.ok(toneLevelDb(heard, SAID_HZ) > -14, `${toneLevelDb(heard, SAID_HZ)} dB of the far end`);
  assert.equal(told.length, 1, JSON.stringify(told));
  const { remote, remoteSsrc } = await leg.statistics();
  assert.deepEqual([remote?.port, [666, 667, 668].includes(remoteSsrc!)], [phone.port, false]);
});

test('secured packets that are sent again, or without the key, are not heard; they are counted, and told', async (t) => {
  const { engine, phoneWith } = await engineFor(t);
  const listener = await phoneWith(undefined);
  const key = Uint8Array.from({ length: 30 }, (_, i) => i + 1);
  const far = await socketFor(t);
  const leg = await engine.openRtp({ label: 'secured' });
  await leg.configure({
    ...{ codec: 'pcma', payloadType: 8, direction: 'sendrecv' },
    remote: { host: '127.0.0.1', port: far.address().port },
    srtp: { suite: SUITE, sendKey: key.map((byte) => byte ^ 255), receiveKey: key },
  });
  const bridge = await engine.openBridge();
  await bridge.add(leg);
  await bridge.add(listener.leg);
  const told: { kind: string }[] = [];
  engine.on('intruded', (intrusion) => told.push(intrusion));
  const sender = new SrtpSender(SUITE, key);
  const secured = (rtp: Uint8Array) => {
    const packet = new Uint8Array(rtp.length + SRTP_OVERHEAD_BYTES);
    packet.set(rtp);
    return packet.subarray(0, sender.protect(packet, 12, rtp.length));
  };
  // He says his tone for two seconds and is silent then: what is sent again would be heard in the silence.
  const [tone, silence] = [speaks(SAID_HZ, 42), speaks(0, 42)];
  const taken: Uint8Array[] = [];
  let isSpeaking = true;
  using _speaking = every20Ms((n) => {
    const packet = secured(isSpeaking ? tone(n) : silence(n));
    if (isSpeaking) taken.push(packet.slice());
    far.send(packet, leg.localPort, leg.localHost);
  });
  await until(() => toneLevelDb(listener.phone.lately(300), SAID_HZ) > -14, 'the secured voice is heard');
  isSpeaking = false;
  await until(() => toneLevelDb(listener.phone.lately(300), SAID_HZ) < -50, 'and its silence');
  listener.phone.forget();
  using _again = every20Ms((n) => {
    far.send(taken[n % taken.length]!, leg.localPort, leg.localHost);
    far.send(speaks(INJECTED_HZ, 42)(n), leg.localPort, leg.localHost);
  });
  await until(async () => (await leg.statistics()).packetsInjected >= 100, 'they are counted');
  const heard = listener.phone.lately(900);
  for (const hz of [SAID_HZ, INJECTED_HZ])
    assert.ok(toneLevelDb(heard, hz) < -45, `${hz}: ${toneLevelDb(heard, hz)} dB`);
  assert.deepEqual(
    told.map(({ kind }) => kind),
    ['key'],
  );
});
