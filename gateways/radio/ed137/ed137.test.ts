import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import fc from 'fast-check';
import { systemChance } from '@tocsin/server/kernel/chance.ts';
import { systemClock } from '@tocsin/server/kernel/clock.ts';
import { silentLog } from '@tocsin/server/kernel/log.ts';
import { readRtp, sine, toneLevelDb, writeRtp } from '@tocsin/server/media';
import { framesOf } from '../../kit/babble.ts';
import { gatewayContract } from '../../kit/contract.ts';
import { until } from '../../kit/test-broker.ts';
import { startRadioGateway } from '../radio-gateway.ts';
import { loudFrames, openTestChannel, TEST_CHANNEL } from '../test-channel.ts';
import { ED137_SIGNATURE, extensionOf, PTT, readEd137, withEd137, writeEd137 } from './extension.ts';
import { openGroundRadioSimulator } from './ground-radio-simulator.ts';
import { R2S, readRadioSession, writeRadioSession } from './session-description.ts';

const parts = { clock: systemClock, chance: systemChance, log: silentLog };

async function world(t: TestContext) {
  const radio = await openGroundRadioSimulator(parts);
  t.after(() => radio[Symbol.asyncDispose]());
  const channel = await openTestChannel(t, { air: { protocol: 'ed137', radio: radio.uri, fid: '118.005' } });
  await until(() => radio.isLinked, 'a session');
  const call = await channel.caller.call(channel.gateway.addresses.sip);
  assert.ok(call.kind === 'answered');
  await until(() => call.heardPackets() > 5, 'silence first');
  return { radio, call, ...channel };
}

gatewayContract('radio by ED-137', async (environment) => {
  const radio = await openGroundRadioSimulator(parts);
  const gateway = await startRadioGateway({
    ...TEST_CHANNEL,
    ...environment,
    id: 'under-test',
    air: { protocol: 'ed137', radio: radio.uri },
  });
  return {
    async [Symbol.asyncDispose]() {
      await gateway[Symbol.asyncDispose]();
      await radio[Symbol.asyncDispose]();
    },
  };
});

test('the session says what it is: radio, its version, its frequency and its supervision', async (t) => {
  const { radio } = await world(t);
  const [invite] = radio.invites;
  assert.deepEqual([invite!.subject, invite!.version], ['radio', 'radio.01']);
  const session = readRadioSession(invite!.offer);
  assert.ok(typeof session !== 'string');
  assert.deepEqual(
    [session.type, session.mode, session.fid, session.bss, session.keepAlivePeriodMs, session.keepAliveMultiplier],
    ['Radio-TxRx', 'TxRx', '118.005', 'RSSI', 200, 10],
  );
});

test('what the field says is heard, with squelch and link quality', async (t) => {
  const { radio, call, events, broker } = await world(t);
  radio.rssiDbm = -85;
  await radio.transmit({ ms: 800, hz: 1000 });
  await until(() => events('squelch').length === 2, 'squelch open and closed');
  const samples = call.heardSamples();
  const loud = loudFrames(samples);
  assert.ok(loud >= 38 && loud <= 41, `${loud} frames of 40`);
  assert.ok(toneLevelDb(samples, 1000) > -30);
  const online = await until(
    () => broker.heard.online.find(({ body }) => body.linkQualityPercent !== undefined),
    'quality',
  );
  assert.equal(online.body.linkQualityPercent, 50);
  assert.deepEqual(broker.heard.malformed, []);
});

test('the key goes in the header of the speech: normal, priority, emergency; and nothing of it is cut', async (t) => {
  const { radio, call, key } = await world(t);
  for (const [priority, ptt] of [
    [1, PTT.normal],
    [2, PTT.priority],
    [3, PTT.emergency],
  ] as const) {
    const before = radio.heard.length;
    call.say(framesOf(sine({ hz: 700, durationMs: 400 })));
    await key(true, { priority });
    await until(() => radio.heard.length > before, 'on air');
    await until(() => loudFrames(radio.heard.at(-1)!.samples) >= 19, 'all of it');
    await key(false);
    await until(() => radio.heard.at(-1)!.endedAtMs !== undefined, 'off the air');
    assert.ok(
      radio.keys.some((each) => each.ptt === ptt && each.pttId === 1),
      `PTT type ${ptt} with our PTT-id`,
    );
    assert.equal(radio.keys.at(-1)!.ptt, PTT.off);
    assert.ok(loudFrames(radio.heard.at(-1)!.samples) >= 19);
  }
});

test('a radio that falls silent is down within seconds, and is called again', async (t) => {
  const { radio, broker, key } = await world(t);
  radio.cut();
  const states = () => broker.heard.events.flatMap((event) => (event.kind === 'resource' ? [event.resource] : []));
  await until(() => states().at(-1)?.state === 'down', 'down');
  assert.equal(states().at(-1)!.detail, 'the radio has fallen silent');
  await key(true);
  await until(() => broker.heard.results.some(({ outcome }) => outcome === 'refused'), 'refused');
  radio.isMute = false;
  await until(() => states().at(-1)?.state === 'ready', 'ready again');
  assert.equal(radio.sessions, 1, 'the old session was ended');
});

test('the extension says what ED-137 says, bit by bit', () => {
  const words = writeEd137({ ptt: PTT.emergency, isSquelchOpen: true, pttId: 0b101010, isPttMuted: true });
  assert.deepEqual([...words], [0b1001_1010, 0b1010_0000, 0, 0]);
  const withLevel = writeEd137({ ptt: PTT.normal, isSquelchOpen: false, pttId: 1, rssiDbm: -70 });
  assert.deepEqual([...withLevel], [0b0010_0000, 0b0100_0001, 0x11, 14 << 3]);
  // The same in the extension of 2009: PTT type 3 bits, squelch 1, PTT-id 4.
  assert.deepEqual(readEd137(ED137_SIGNATURE.of2009, Uint8Array.of(0b0111_0101, 0, 0, 0)), {
    ptt: PTT.priority,
    isSquelchOpen: true,
    pttId: 5,
  });
});

test('any bytes are read or left: packets, extensions, descriptions', () => {
  fc.assert(
    fc.property(
      fc.record({
        ptt: fc.constantFrom(...Object.values(PTT)),
        isSquelchOpen: fc.boolean(),
        pttId: fc.integer({ min: 0, max: 63 }),
        isPttMuted: fc.boolean(),
        isPttSummed: fc.boolean(),
        hasSimultaneousCalls: fc.boolean(),
      }),
      fc.uint8Array({ maxLength: 160 }),
      (signals, payload) => {
        const packet = withEd137(writeRtp({ payloadType: 8, sequence: 1, timestamp: 2, ssrc: 3, payload }), signals);
        const extension = extensionOf(packet)!;
        assert.deepEqual(readEd137(extension.signature, extension.words), { ...signals });
        assert.deepEqual(readRtp(packet)!.payload, payload, 'the speech is where RFC 3550 says');
      },
    ),
  );
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 60 }),
      fc.constantFrom(...Object.values(ED137_SIGNATURE)),
      (bytes, signature) => {
        readEd137(signature, bytes);
        const extension = extensionOf(bytes);
        if (extension) readEd137(extension.signature, extension.words);
      },
    ),
  );
  fc.assert(fc.property(fc.string(), (text) => void readRadioSession(text)));
  const offer = writeRadioSession(
    { host: '10.0.0.1', port: 5002, type: 'Radio-TxRx', mode: 'TxRx', r2sPayloadType: 123, ...periods() },
    1,
  );
  fc.assert(
    fc.property(fc.integer({ min: 0, max: offer.length }), fc.string({ maxLength: 8 }), (at, junk) => {
      const session = readRadioSession(offer.slice(0, at) + junk + offer.slice(at + 3));
      if (typeof session !== 'string')
        assert.ok(session.port > 0 && session.port < 65_536 && session.keepAlivePeriodMs >= 20);
    }),
  );
});

function periods() {
  return { keepAlivePeriodMs: R2S.keepAlivePeriodMs, keepAliveMultiplier: R2S.keepAliveMultiplier };
}
