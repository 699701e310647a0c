import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemChance } from '@tocsin/server/kernel/chance.ts';
import { systemClock } from '@tocsin/server/kernel/clock.ts';
import { silentLog } from '@tocsin/server/kernel/log.ts';
import { readWav, toMono, toneLevelDb } from '@tocsin/server/media';
import type { CommandOf } from '@tocsin/protocol/console.ts';
import { openGroundRadioSimulator } from '../gateways/radio/ed137/ground-radio-simulator.ts';
import { PTT } from '../gateways/radio/ed137/extension.ts';
import { concat, type HeardTransmission } from '../gateways/radio/heard-transmission.ts';
import { openRtpRadioSimulator } from '../gateways/radio/rtp/rtp-radio-simulator.ts';
import { openSatellitePhone } from '../gateways/satellite/voice/satellite-phone-simulator.ts';
import { Capture } from '../gateways/kit/test-capture.ts';
import { siteFolder } from './kit/own-site.ts';
import { freePort } from './kit/ports.ts';
import { TalkingPhone } from './kit/talking-phone.ts';
import { Tocsin } from './kit/tocsin.ts';
import { pause, until } from './kit/wait.ts';

const parts = { clock: systemClock, chance: systemChance, log: silentLog };
const RATE = 8000;
/** The pitch of marker speech is measured in windows of 40 ms. */
const WINDOW = 320;
/** Its beginning and its end are each 16 Hz wide, 20 ms long. */
const EDGE_HZ = 16;
const RISES_HZ = 1200;
/** Measured on the marker itself: -11 dB when nothing is missing, -14 when 30 ms are, -19 when 50 ms are, -25 when 80 ms are. */
const THERE_DB = -18;

/** Speech that is another at each moment: a rising tone of 1.5 s, so that no piece of it can be taken for another. */
function marker(fromHz: number): Int16Array {
  const length = 1.5 * RATE;
  let phase = 0;
  return Int16Array.from({ length }, (_, index) => {
    phase += (2 * Math.PI * (fromHz + (RISES_HZ * index) / length)) / RATE;
    return Math.round(9000 * Math.sin(phase));
  });
}

/** What went on the air, all of it: a machine that stops for a moment makes two transmissions of one. */
function whole(heard: HeardTransmission[]): Int16Array {
  return concat(heard.map(({ samples }) => samples));
}

/** How loud the first and the last 20 ms of what was said are heard, in dB of full scale. */
function endsHeard(fromHz: number, heard: Int16Array): [first: number, last: number] {
  const loudest = (hz: number) => {
    let best = -127;
    for (let at = 0; at + WINDOW <= heard.length; at += WINDOW / 8)
      best = Math.max(best, toneLevelDb(heard.subarray(at, at + WINDOW), hz));
    return best;
  };
  return [loudest(fromHz + EDGE_HZ), loudest(fromHz + RISES_HZ - EDGE_HZ)];
}

test('radio, telephone, short wave and satellite are one patch, and one speaks at a time', async (t) => {
  const radioRtp = await freePort();
  const vhf = await openGroundRadioSimulator({ ...parts, rtpPort: radioRtp });
  const radioPort = Number(vhf.uri.split(':').at(-1));
  t.after(() => vhf[Symbol.asyncDispose]());
  const hf = await openRtpRadioSimulator({ clock: systemClock, noise: 250 });
  t.after(() => hf[Symbol.asyncDispose]());
  const satellite = await openSatellitePhone({ ...parts, delayMs: 600 });
  t.after(() => satellite[Symbol.asyncDispose]());
  const phone = await TalkingPhone.start(t);
  const [hfPort, satellitePort] = [await freePort(), await freePort()];
  hf.connect('127.0.0.1', hfPort);

  const site = await siteFolder(
    t,
    (file) => {
      const channel = { organisation: 'command-centre', floor: { talkLimitMs: 4000, warnBeforeMs: 1500 } } as const;
      file.channels = [
        { ...channel, id: 'vhf-1', name: { zh: 'VHF 1' }, gateway: 'radio-1', bearer: 'vhf-uhf' },
        { ...channel, id: 'hf-1', name: { zh: '短波 1' }, gateway: 'radio-2', bearer: 'hf' },
      ];
      const trunk = { host: '127.0.0.1', stripPrefix: true } as const;
      file.trunks = [
        { id: 'phones', name: { zh: '电话' }, send: { ...trunk, prefix: '71', port: phone.port } },
        { id: 'sat', name: { zh: '卫星' }, bearer: 'satellite', send: { ...trunk, prefix: '88', port: satellitePort } },
      ];
    },
    [
      { kind: 'radio', id: 'radio-1', bearer: 'vhf-uhf', channel: 'vhf-1', air: { protocol: 'ed137', radio: vhf.uri } },
      {
        kind: 'radio',
        id: 'radio-2',
        bearer: 'hf',
        channel: 'hf-1',
        air: { protocol: 'rtp', listenPort: hfPort, remoteHost: '127.0.0.1', remotePort: hf.port },
      },
      {
        kind: 'satellite',
        id: 'satellite-1',
        bearer: 'satellite',
        sipPort: satellitePort,
        voice: { far: satellite.address },
      },
    ],
  );
  // From the beginning: the radio's session stands before anybody speaks.
  const capture = await Capture.start(t, `udp port ${radioPort} or udp port ${radioRtp}`, {
    seconds: 300,
    packets: 100_000,
  });
  const tocsin = await Tocsin.start(t, { TOCSIN_SITE: site });
  await until(
    'three gateways are online',
    async () => (await tocsin.timeline({ kind: 'gateway.came-online' })).length === 3,
  );
  await until('the radio has a session', () => vhf.isLinked);
  const dispatcher = await tocsin.login('dispatcher');

  const patch = (await tocsin.command<'patch.open'>(
    {
      do: 'patch.open',
      channels: ['vhf-1', 'hf-1'],
      targets: [{ number: '71001' }, { number: '88002' }],
      keying: 'voice',
    },
    dispatcher,
  )) as { conference: string; missing: string[] };
  assert.deepEqual(patch.missing, []);
  await until('the phone and the satellite phone are in', async () => {
    const entries = await tocsin.timeline({ kind: 'conference.participant-in' });
    return entries.length === 2 && phone.isTalking && satellite.isTalking;
  });
  // The voice gate of the short wave has to learn its hiss.
  await pause(700);

  /** Where each is heard from now on. */
  const ears = () => {
    const [phoneFrom, satelliteFrom] = [phone.heard.length, satellite.heard.length];
    const [vhfFrom, hfFrom] = [vhf.heard.length, hf.heard.length];
    return {
      phone: () => phone.heard.subarray(phoneFrom),
      satellite: () => satellite.heard.subarray(satelliteFrom),
      vhf: () => whole(vhf.heard.slice(vhfFrom)),
      hf: () => whole(hf.heard.slice(hfFrom)),
    };
  };
  type Party = keyof ReturnType<typeof ears>;
  const mouths: Record<Party, (samples: Int16Array) => unknown> = {
    vhf: (samples) => vhf.transmit({ ms: 1500, samples }),
    hf: (samples) => hf.transmit({ ms: 1500, samples }),
    phone: (samples) => phone.say(samples),
    satellite: (samples) => satellite.say(samples),
  };

  for (const [index, speaker] of (['vhf', 'phone', 'hf', 'satellite'] as const).entries())
    await t.test(
      `what is said by ${speaker} is heard by the three others from the first syllable to the last`,
      async () => {
        const floorsBefore = (await tocsin.timeline({ kind: 'channel.floor-released' })).length;
        const fromHz = 500 + 200 * index;
        const said = marker(fromHz);
        // What was said before has left the air.
        await until('the radios are off the air', () =>
          [vhf, hf].every(({ heard }) => heard.every(({ endedAtMs }) => endedAtMs !== undefined)),
        );
        const heard = ears();
        void mouths[speaker](said);
        const keyed = speaker === 'vhf' || speaker === 'hf' ? 1 : 2;
        await until('the floors are given back', async () => {
          return (await tocsin.timeline({ kind: 'channel.floor-released' })).length >= floorsBefore + keyed;
        });
        for (const listener of (['phone', 'satellite', 'vhf', 'hf'] as const).filter((each) => each !== speaker)) {
          const ends = await until(
            `${listener} hears both ends`,
            () => {
              const found = endsHeard(fromHz, heard[listener]());
              return found.every((each) => each > THERE_DB) && found;
            },
            10_000,
          ).catch(() =>
            assert.fail(
              `${listener} hears the ends of ${speaker}: ${endsHeard(fromHz, heard[listener]())
                .map((each) => each.toFixed(1))
                .join(' and ')}`,
            ),
          );
          console.log(`${speaker} → ${listener}: first ${ends[0].toFixed(1)}, last ${ends[1].toFixed(1)} dB`);
        }
      },
    );

  await t.test('the last half minute is heard again while the channel goes on', async () => {
    const answer = await tocsin.request('GET', '/api/channels/hf-1/recall', undefined, dispatcher);
    assert.equal(answer.status, 200);
    const recalled = readWav(new Uint8Array(await answer.arrayBuffer()));
    assert.ok(recalled.kind === 'sound');
    const sound = toMono(recalled.sound);
    assert.ok(sound.length <= 30 * RATE && sound.length > 5 * RATE, `${sound.length / RATE} s`);
    for (const index of [1, 2, 3])
      for (const level of endsHeard(500 + 200 * index, sound))
        assert.ok(level > THERE_DB, `speaker ${index}: ${level} dB`);
  });

  const floor = (what: 'request' | 'release', token: string, more: Partial<CommandOf<'floor.request'>> = {}) =>
    tocsin.post<{ value: { kind: string; position?: number } }>(
      '/api/commands',
      { do: `floor.${what}`, channel: 'vhf-1', ...more },
      token,
    );
  const kinds = async (kind: string) =>
    (await tocsin.timeline({ kind })).map(({ actor, data }) => ({ ...data, actor }) as Record<string, unknown>);

  await t.test(
    'who comes second waits at his place; an emergency takes the floor; then the waiting one has his turn',
    async () => {
      const [lead, admin] = [await tocsin.login('lead'), tocsin.token];
      assert.equal((await floor('request', dispatcher)).value.kind, 'granted');
      assert.deepEqual((await floor('request', lead, { queue: true })).value, {
        kind: 'queued',
        position: 1,
        talker: '周明',
      });
      const keysBefore = vhf.keys.length;
      assert.equal((await floor('request', admin, { emergency: true })).value.kind, 'granted');
      await until('the radio sends with the emergency key', () =>
        vhf.keys.slice(keysBefore).some(({ ptt }) => ptt === PTT.emergency),
      );
      const ended = await kinds('channel.floor-released');
      assert.ok(ended.some(({ actor, because }) => actor === 'dispatcher' && because === 'pre-empted'));
      await floor('release', admin);
      await until('the lead has his turn', async () =>
        (await kinds('channel.floor-granted')).some(({ actor }) => actor === 'lead'),
      );
    },
  );

  await t.test('a key that is never released is warned and loses the floor', async () => {
    await until('the floor is taken from the lead', async () =>
      (await kinds('channel.floor-released')).some(
        ({ actor, because }) => actor === 'lead' && because === 'time-limit',
      ),
    );
    assert.ok((await kinds('channel.floor-warned')).some(({ actor }) => actor === 'lead'));
    await until('the transmitter is off', () => vhf.heard.at(-1)!.endedAtMs !== undefined);
  });

  await t.test('un-patched, nobody hears anybody, and the channels are as before', async () => {
    await tocsin.command<'conference.end'>({ do: 'conference.end', conference: patch.conference }, dispatcher);
    await until('the phones are hung up', () => !phone.isTalking && !satellite.isTalking);
    const before = hf.heard.length;
    await vhf.transmit({ ms: 500, hz: 1000 });
    await pause(500);
    assert.equal(hf.heard.length, before);
    assert.equal((await kinds('channel.unpatched')).length, 2);
  });

  const grants = (await kinds('channel.floor-granted')).map(({ afterMs }) => Number(afterMs)).sort((a, b) => a - b);
  console.log(`grant after the request, at the server: ${grants.join(' ')} ms`);

  await t.test('SIP and RTP, with the header extension of ED-137, dissect without a complaint', async () => {
    const { sip, rtp, complaints } = await capture.dissect(radioPort);
    const keys = await capture.fields('rtp.ext.ed137a.ptt_type', ['rtp.ext.ed137a.ptt_type', 'rtp.ext.ed137a.squ']);
    const seen = new Set(keys);
    console.log(
      `tshark: ${sip} SIP and ${rtp} RTP packets of the radio session; PTT and squelch as ${[...seen].join(' ')}`,
    );
    assert.ok(sip > 0 && rtp > 100);
    assert.ok(seen.has(`${PTT.normal}\t0`) && seen.has(`${PTT.emergency}\t0`) && seen.has(`${PTT.off}\t1`));
    assert.deepEqual(complaints.slice(0, 10), []);
  });
});
