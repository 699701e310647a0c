import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '@tocsin/server/kernel/clock.ts';
import { toneLevelDb } from '@tocsin/server/media';
import { openRtpRadioSimulator } from '../gateways/radio/rtp/rtp-radio-simulator.ts';
import { HEARD_ABOVE_DB } from './kit/hearing.ts';
import { OwnPhone } from './kit/own-phone.ts';
import { siteFolder } from './kit/own-site.ts';
import { freePort } from './kit/ports.ts';
import { Tocsin } from './kit/tocsin.ts';
import { until } from './kit/wait.ts';

const RATE = 8000;
const RADIO_HZ = 1500;

test('a desk phone dials a radio channel, hears it, and takes the floor by its keys or its voice', async (t) => {
  const radio = async () => {
    const simulator = await openRtpRadioSimulator({ clock: systemClock });
    t.after(() => simulator[Symbol.asyncDispose]());
    const listenPort = await freePort();
    simulator.connect('127.0.0.1', listenPort);
    return {
      simulator,
      air: { protocol: 'rtp', listenPort, remoteHost: '127.0.0.1', remotePort: simulator.port },
    } as const;
  };
  const [keyed, spoken] = [await radio(), await radio()];
  const bearer = 'vhf-uhf';
  const site = await siteFolder(
    t,
    (file) => {
      const channel = { organisation: 'command-centre', bearer } as const;
      file.channels = [
        { ...channel, id: 'vhf-1', name: { zh: 'VHF 1' }, gateway: 'radio-1', number: '8601' },
        { ...channel, id: 'vhf-2', name: { zh: 'VHF 2' }, gateway: 'radio-2', number: '8602', keying: 'voice' },
      ];
    },
    [
      { kind: 'radio', id: 'radio-1', bearer, channel: 'vhf-1', air: keyed.air },
      { kind: 'radio', id: 'radio-2', bearer, channel: 'vhf-2', air: spoken.air },
    ],
  );
  const tocsin = await Tocsin.start(t, { TOCSIN_SITE: site });
  await until(
    'both gateways are online',
    async () => (await tocsin.timeline({ kind: 'gateway.came-online' })).length === 2,
  );
  const phone = (user: string, toneHz: number) => OwnPhone.start(t, { user, server: tocsin.sip, toneHz });
  const [first, second] = await Promise.all([phone('1005', 700), phone('1006', 1000)]);

  /** Whether the newest transmission has that tone in its last half second. */
  const isOnAir = ({ simulator }: typeof keyed, hz: number) => {
    const last = simulator.heard.at(-1)?.samples.subarray(-RATE / 2);
    return last !== undefined && last.length === RATE / 2 && toneLevelDb(last, hz) > HEARD_ABOVE_DB;
  };
  const isOffAir = ({ simulator }: typeof keyed) => simulator.heard.every(({ endedAtMs }) => endedAtMs !== undefined);

  await t.test('who listens is not on the air, and hears the radio and nobody else', async () => {
    for (const each of [first, second]) assert.equal((await each.call('8601')).kind, 'answered');
    void keyed.simulator.transmit({ ms: 3000, hz: RADIO_HZ });
    for (const each of [first, second]) await until(`${each.user} hears the radio`, () => each.hears(RADIO_HZ));
    assert.ok(!first.hears(second.toneHz) && !second.hears(first.toneHz), 'the phones do not hear one another');
    assert.equal(keyed.simulator.heard.length, 0, 'nothing has gone on the air');
    await until('the radio is still', async () => (await tocsin.timeline({ kind: 'channel.speech-ended' })).length > 0);
  });

  await t.test('with * it is on the air, alone; the next waits for the #, and is on the air then', async () => {
    await first.press('*');
    await until('the first is on the air', () => isOnAir(keyed, first.toneHz));
    assert.ok(!isOnAir(keyed, second.toneHz));
    await second.press('*');
    const queued = await until(
      'the second waits',
      async () => (await tocsin.timeline({ kind: 'channel.floor-queued' }))[0],
    );
    assert.equal(queued.data['position'], 1);
    await first.press('#');
    await until('the second is on the air', () => isOnAir(keyed, second.toneHz) && !isOnAir(keyed, first.toneHz));
    await second.press('#');
    await until('the transmitter is off', () => isOffAir(keyed));
  });

  await t.test('who hangs up with the key pressed gives the floor back', async () => {
    await first.press('*');
    await until('he is on the air', () => isOnAir(keyed, first.toneHz));
    await first.hangUp();
    await until('the transmitter is off', () => isOffAir(keyed));
    await second.hangUp();
    const kinds = (await tocsin.timeline({ kind: 'call.started' })).map(({ data }) => data['kind']);
    assert.deepEqual(kinds.slice(0, 2), ['channel', 'channel']);
  });

  await t.test('on a channel that is keyed by voice, speaking is enough', async () => {
    assert.equal((await first.call('8602')).kind, 'answered');
    await until('he is on the air', () => isOnAir(spoken, first.toneHz));
    await first.hangUp();
    await until('the transmitter is off', () => isOffAir(spoken));
  });

  await t.test('a channel that is patched into a conference takes him in there', async () => {
    const { conference } = (await tocsin.command({
      do: 'patch.open',
      channels: ['vhf-1'],
      targets: [{ number: '1006' }],
    })) as {
      conference: string;
    };
    await until('the second is in', () => second.isTalking);
    assert.equal((await first.call('8601')).kind, 'answered');
    await until('the two hear each other', () => first.hears(second.toneHz) && second.hears(first.toneHz));
    await tocsin.command({ do: 'conference.end', conference });
    await until('both are hung up', () => !first.isTalking && !second.isTalking);
  });
});
