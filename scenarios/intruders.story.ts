import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { readdir, readFile, readlink } from 'node:fs/promises';
import { test } from 'node:test';
import type { CallView, ConferenceView } from '@tocsin/protocol/views.ts';
import { encodeG711, sine, writeRtp } from '@tocsin/server/media';
import { Baresip } from './kit/baresip.ts';
import { HEARD_ABOVE_DB, listenFor, SILENT_BELOW_DB } from './kit/hearing.ts';
import { toneDb } from './kit/sound.ts';
import { Tocsin } from './kit/tocsin.ts';
import { hears } from './kit/two-phones.ts';
import { until } from './kit/wait.ts';

const CALLER_HZ = 700;
const CALLEE_HZ = 1000;
const INJECTED_HZ = 1750;

test('a talk is heard by its two and from its two alone, and a chair sets how loud each is', async (t) => {
  const tocsin = await Tocsin.start(t, { TOCSIN_SIMULATORS: 'off' });
  const [caller, callee] = await Promise.all([
    Baresip.start(t, { user: '1002', server: tocsin.sip, toneHz: CALLER_HZ }),
    Baresip.start(t, { user: '1005', server: tocsin.sip, toneHz: CALLEE_HZ }),
  ]);

  await t.test('what a stranger sends to the ports of a call is not heard, counted, and told once', async (t) => {
    await caller.dial('1005');
    await Promise.all([hears(caller, CALLEE_HZ), hears(callee, CALLER_HZ)]);
    const ports = await mediaPortsOf(tocsin);
    assert.ok(ports.length >= 2, `the server has ${ports.length} ports`);
    const codes = encodeG711('pcma', sine({ hz: [INJECTED_HZ], durationMs: 1000, rateHz: 8000, levelDb: -6 }));
    const strangers = await Promise.all(
      ['127.0.0.1', '127.0.0.9'].map(async (host, index) => {
        const socket = createSocket('udp4');
        socket.bind(0, host);
        await once(socket, 'listening');
        let n = 0;
        const timer = setInterval(() => {
          const payload = codes.subarray((n % 50) * 160, (n % 50) * 160 + 160);
          const packet = writeRtp({ payloadType: 8, ssrc: 660 + index, sequence: n, timestamp: n * 160, payload });
          for (const port of ports) socket.send(packet, port, '127.0.0.1', () => {});
          n += 1;
        }, 20);
        t.after(() => {
          clearInterval(timer);
          socket.close();
        });
        return () => clearInterval(timer);
      }),
    );
    const told = await until('both legs have told of it', async () => {
      const entries = await tocsin.timeline({ kind: 'security.media-intruded' });
      return entries.length >= 2 && entries;
    });
    const heard = await listenFor([caller, callee], 2);
    for (const stop of strangers) stop();
    for (const [phone, sound] of heard) {
      const level = toneDb(sound, INJECTED_HZ);
      assert.ok(level < SILENT_BELOW_DB, `${phone.options.user} hears the strangers at ${level.toFixed(0)} dB`);
      const hz = phone === caller ? CALLEE_HZ : CALLER_HZ;
      assert.ok(toneDb(sound, hz) > HEARD_ABOVE_DB, `${phone.options.user} still hears the other`);
    }
    const id = (await tocsin.get<CallView[]>('/api/calls')).find(({ state }) => state === 'answered')!.id;
    assert.deepEqual([...new Set(told.map(({ call, data }) => `${call} ${String(data['kind'])}`))], [`${id} source`]);
    assert.equal((await tocsin.timeline({ kind: 'security.media-intruded' })).length, 2, 'once for each leg');
    const metrics = await (await tocsin.request('GET', '/metrics')).text();
    const counted = [...metrics.matchAll(/^tocsin_leg_injected_packets\{[^}]*\} (\d+)/gm)].map(([, n]) => Number(n));
    assert.ok(counted.length >= 2 && counted.every((n) => n > 50), `counted: ${counted.join(' ')}`);
    await caller.command('hangup');
    await until('both are free', () => !caller.isInCall && !callee.isInCall);
  });

  await t.test('in a conference the chair makes one quieter, and levels all', async () => {
    for (const phone of [caller, callee]) await phone.dial('8002');
    const room = async () =>
      await until('both are in the room', async () => {
        const conference = (await tocsin.get<ConferenceView[]>('/api/conferences')).find(
          ({ number }) => number === '8002',
        );
        return conference?.participants.filter(({ state }) => state === 'in').length === 2 && conference;
      });
    await room();
    await Promise.all([hears(caller, CALLEE_HZ), hears(callee, CALLER_HZ)]);
    const { id: conference, participants } = await room();
    const participant = participants.find(({ number }) => number === '1002')!.id;
    const levelOf = async () => toneDb((await listenFor([callee], 1)).get(callee)!, CALLER_HZ);
    const plain = await levelOf();
    await tocsin.command({ do: 'conference.volume', conference, participant, gainDb: -12 });
    const quieter = await levelOf();
    assert.ok(Math.abs(plain - quieter - 12) < 1.5, `${plain.toFixed(1)} dB, then ${quieter.toFixed(1)}`);
    assert.equal((await room()).participants.find(({ id }) => id === participant)!.volumeDb, -12);
    await tocsin.command({ do: 'conference.volume', conference, participant, gainDb: 0 });
    await tocsin.command({ do: 'conference.level', conference, isAutomatic: true });
    // A tone of −11 dB is louder than speech is meant to be: it comes down to −20 dB (rms), which is −17 of a tone.
    const levelled = await until('the caller is levelled', async () => {
      const level = await levelOf();
      return level < -15.5 && level > -19 && level;
    });
    t.diagnostic(`plain ${plain.toFixed(1)} dB, −12: ${quieter.toFixed(1)} dB, levelled ${levelled.toFixed(1)} dB`);
    assert.ok((await room()).isLevelled);
  });
});

/** Every UDP port that the server's process has open, but that of SIP: the ports of its calls. */
async function mediaPortsOf(tocsin: Tocsin): Promise<number[]> {
  const fds = await readdir(`/proc/${tocsin.pid}/fd`);
  const links = await Promise.all(fds.map((fd) => readlink(`/proc/${tocsin.pid}/fd/${fd}`).catch(() => '')));
  const inodes = new Set(links.map((link) => /^socket:\[(\d+)\]$/.exec(link)?.[1]).filter(Boolean));
  const rows = (await readFile('/proc/net/udp', 'utf8')).trim().split('\n').slice(1);
  return rows
    .map((row) => row.trim().split(/\s+/))
    .filter(([, , , , , , , , , inode]) => inodes.has(inode))
    .map(([, local]) => Number.parseInt(local!.split(':')[1]!, 16))
    .filter((port) => port !== tocsin.sipPort);
}
