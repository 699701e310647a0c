import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '@tocsin/server/kernel/clock.ts';
import { sine, toneLevelDb } from '@tocsin/server/media';
import { framesOf } from '../../kit/babble.ts';
import { gatewayContract } from '../../kit/contract.ts';
import { until } from '../../kit/test-broker.ts';
import { startRadioGateway } from '../radio-gateway.ts';
import { loudFrames, openTestChannel, TEST_CHANNEL } from '../test-channel.ts';
import { openRtpRadioSimulator } from './rtp-radio-simulator.ts';
import { VOICE_GATE, VoiceGate } from './voice-gate.ts';

gatewayContract('radio by RTP', async (environment) => {
  const radio = await openRtpRadioSimulator({ clock: systemClock });
  const gateway = await startRadioGateway({
    ...TEST_CHANNEL,
    ...environment,
    id: 'under-test',
    air: { protocol: 'rtp', remoteHost: '127.0.0.1', remotePort: radio.port },
  });
  return {
    async [Symbol.asyncDispose]() {
      await gateway[Symbol.asyncDispose]();
      await radio[Symbol.asyncDispose]();
    },
  };
});

test('in the hiss of a short-wave channel a voice opens the squelch, and is heard whole; the hiss is not', async (t) => {
  const radio = await openRtpRadioSimulator({ clock: systemClock, noise: 500 });
  t.after(() => radio[Symbol.asyncDispose]());
  const { gateway, caller, events, key } = await openTestChannel(t, {
    air: { protocol: 'rtp', remoteHost: '127.0.0.1', remotePort: radio.port },
  });
  radio.connect('127.0.0.1', gateway.addresses.airPort);
  const call = await caller.call(gateway.addresses.sip);
  assert.ok(call.kind === 'answered');
  await until(() => call.heardPackets() > 50, 'a second of the channel');
  assert.equal(events('squelch').length, 0, 'the hiss opens nothing');
  assert.equal(loudFrames(call.heardSamples(), -60), 0, 'and is not passed on');
  await radio.transmit({ ms: 1000, hz: 1000 });
  await until(() => events('squelch').length === 2, 'opened and closed');
  const samples = call.heardSamples();
  const loud = loudFrames(samples, -25);
  assert.ok(loud >= 49, `${loud} of 50 frames of speech`);
  assert.ok(toneLevelDb(samples, 1000) > -30);

  call.say(framesOf(sine({ hz: 700, durationMs: 600 })));
  await key(true, { keyUpMs: 400 });
  await until(() => loudFrames(radio.heard[0]?.samples ?? new Int16Array(0)) >= 29, 'all of it is on air');
  await key(false);
  await until(() => radio.heard[0]?.endedAtMs !== undefined, 'off the air');
});

test('how much of the radio’s sound arrives is its link quality, a played loss included', async (t) => {
  const radio = await openRtpRadioSimulator({ clock: systemClock });
  t.after(() => radio[Symbol.asyncDispose]());
  const { gateway } = await openTestChannel(t, {
    air: { protocol: 'rtp', remoteHost: '127.0.0.1', remotePort: radio.port },
    areFaultsAllowed: true,
  });
  radio.connect('127.0.0.1', gateway.addresses.airPort);
  const quality = () => gateway.snapshot().linkQualityPercent;
  await until(() => quality() === 100, 'all of it arrives');
  gateway.gateway.faults.inject({ resource: TEST_CHANNEL.channel, fault: 'loss', amount: 50 });
  await until(() => (quality() ?? 100) < 80, 'half of it is lost');
  gateway.gateway.faults.inject({ resource: TEST_CHANNEL.channel, fault: 'none' });
  await until(() => quality() === 100, 'mended');
});

test('the voice gate follows the noise of its channel and opens on what is louder', () => {
  const gate = new VoiceGate();
  let seed = 1;
  const hiss = (peak: number, hz = 0) =>
    Int16Array.from(sine({ hz: hz || 1000, durationMs: 20 }), (sample) => {
      seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
      return Math.round((hz ? sample * 0.6 : 0) + (seed / 2 ** 31 - 1) * peak);
    });
  for (let n = 0; n < 3000; n++) gate.step(hiss(1500));
  assert.equal(gate.isOpen, false, `the noise is known: ${gate.noiseDb.toFixed(0)} dB`);
  let passed = 0;
  for (let n = 0; n < 50; n++) if (gate.step(hiss(1500, 800))) passed += 1;
  assert.ok(gate.isOpen && passed >= 48, `${passed} of 50 frames`);
  let more = 0;
  while (gate.isOpen && more < 100) {
    gate.step(hiss(1500));
    more += 1;
  }
  assert.equal(more, VOICE_GATE.closesAfterMs / 20);
});
