import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { systemChance } from '@tocsin/server/kernel/chance.ts';
import { systemClock } from '@tocsin/server/kernel/clock.ts';
import { silentLog } from '@tocsin/server/kernel/log.ts';
import { toneLevelDb } from '@tocsin/server/media';
import { openHorn } from '../gateways/pa/horn-simulator.ts';
import { openSipHorn } from '../gateways/pa/sip-horn-simulator.ts';
import { Console } from './kit/console.ts';
import { siteFolder } from './kit/own-site.ts';
import { writeTone } from './kit/sound.ts';
import { Tocsin } from './kit/tocsin.ts';
import { until } from './kit/wait.ts';

/** What each sound is heard by. */
const HZ = { music: 500, page: 900, evacuate: 1400 } as const;
type Sound = keyof typeof HZ;
const HEARD_ABOVE_DB = -30;
const SILENT_BELOW_DB = -45;
const common = { clock: systemClock, chance: systemChance, log: silentLog };
/** Of our own for each run, so that runs beside each other do not hear each other. */
const port = 40_000 + Math.floor(Math.random() * 10_000) * 2;
const DAM = { id: 'main-dam', group: '239.255.78.1', port, horns: 2, names: ['dam-left', 'dam-right'] };

test('an order to leave interrupts page and music, in every kind of horn, and both come back', async (t) => {
  const gateway = { kind: 'pa', id: 'pa-1', multicastInterface: '127.0.0.1', zones: [DAM] };
  const site = await siteFolder(
    t,
    (demo) => {
      demo.zoneGroups = [{ id: 'valley', name: { zh: '坝区' }, zones: ['main-dam', 'office'] }];
      demo.sounds = [
        { id: 'music', name: { zh: '音乐' }, file: 'music.wav', priority: 'music' },
        { id: 'page', name: { zh: '通知' }, file: 'page.wav' },
        { id: 'evacuate', name: { zh: '撤离' }, file: 'evacuate.wav', priority: 'emergency' },
      ];
    },
    [gateway],
  );
  await writeTone(join(site, 'music.wav'), HZ.music, 3);
  await writeTone(join(site, 'page.wav'), HZ.page, 3);
  await writeTone(join(site, 'evacuate.wav'), HZ.evacuate, 3);
  const tocsin = await Tocsin.start(t, { TOCSIN_SITE: site, TOCSIN_SIMULATORS: 'off' });
  const desk = await Console.open(t, tocsin);

  const [left, right] = await Promise.all(DAM.names.map((id) => openHorn({ ...common, ...DAM, id })));
  const office = await openSipHorn({
    ...common,
    registrar: `sip:${tocsin.sip}`,
    account: '7001',
    password: 'tocsin-demo',
  });
  for (const horn of [left!, right!, office]) t.after(() => horn[Symbol.asyncDispose]());
  const zone = (id: string) => desk.get('zones', id);
  await until('both zones are there', () => zone('main-dam')?.state === 'idle' && zone('office')?.state === 'idle');

  const ears = { left: left!, right: right!, office };
  /** Waits until every ear has heard a tenth of a second of this sound and of no other. */
  const hears = (sound: Sound) =>
    until(
      `every horn plays ${sound}`,
      () =>
        Object.values(ears).every(({ samples }) => {
          if (samples.length < 1600) return false;
          const end = samples.subarray(samples.length - 800);
          return (Object.keys(HZ) as Sound[]).every((each) => {
            const db = toneLevelDb(end, HZ[each]);
            return each === sound ? db > HEARD_ABOVE_DB : db < SILENT_BELOW_DB;
          });
        }),
      15_000,
    );
  const play = async (sound: Sound, more: { untilStopped?: boolean; times?: number } = {}) => {
    const result = await desk.command({ do: 'page.play', zones: ['valley'], sound, ...more });
    assert.ok(result.ok, JSON.stringify(result));
  };

  await t.test('music plays until it is stopped, over and over', async () => {
    await play('music', { untilStopped: true });
    await hears('music');
    assert.deepEqual([zone('main-dam')?.priority, zone('office')?.announcement], ['music', '音乐']);
  });

  await t.test(
    'a page interrupts the music, an order to leave interrupts the page; then they come back in order',
    async () => {
      await play('page');
      await hears('page');
      await play('evacuate');
      await hears('evacuate');
      assert.equal(zone('main-dam')?.waiting, 2);
      await hears('page');
      await hears('music');
      assert.equal(office.calls, 1, 'the horn was called once for all of them');
      const kinds = async (kind: string) => (await tocsin.timeline({ kind })).map(({ data }) => data['zone']);
      assert.equal((await kinds('announcement.zone-preempted')).length, 4);
      assert.equal((await kinds('announcement.zone-resumed')).length, 4);
    },
  );

  await t.test('what is less urgent waits for its turn, and a newer page takes the place of an older', async () => {
    await play('evacuate');
    await hears('evacuate');
    await play('page');
    await until('the page waits', () => zone('office')?.waiting === 2);
    await hears('evacuate');
    await hears('page');
    await play('page');
    await until(
      'the older page is over',
      async () => (await tocsin.timeline({ kind: 'announcement.zone-dismissed' })).length === 2,
    );
    await hears('music');
  });

  await t.test('each horn proves what it played; one that is dead is named', async () => {
    right!.isBroken = true;
    await play('page', { times: 2 });
    const proven = await until('the proof of the page', () => {
      const now = zone('main-dam');
      return now?.announcement === '通知' && now.state === 'part-silent' && now;
    });
    assert.deepEqual([proven.hornsPlaying, proven.silentHorns], [1, ['dam-right']]);
    assert.ok(desk.all('links').some(({ id, state }) => id === 'pa' && state === 'degraded'));
  });

  await t.test('stopping a zone silences all of it, and the other plays on', async () => {
    assert.ok((await desk.command({ do: 'page.stop', zones: ['main-dam'] })).ok);
    await until('the dam is silent', () => zone('main-dam')?.state === 'idle');
    assert.notEqual(zone('office')?.state, 'idle');
    assert.ok((await desk.command({ do: 'page.stop', zones: ['valley'] })).ok);
    await until('everything is silent', () => zone('office')?.state === 'idle');
    const unknown = await desk.command({ do: 'page.play', zones: ['moon'], sound: 'page' });
    assert.ok(!unknown.ok && unknown.code === 'ZONE_UNKNOWN');
  });
});
