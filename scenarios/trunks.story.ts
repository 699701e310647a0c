import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import type { TimelineEntry, TrunkView } from '@tocsin/protocol/views.ts';
import { Baresip } from './kit/baresip.ts';
import { Console } from './kit/console.ts';
import { farEnd } from './kit/far-end.ts';
import { CARRIER_PASSWORD, Kamailio } from './kit/kamailio.ts';
import { siteFolder, type SiteFile } from './kit/own-site.ts';
import { freePort } from './kit/ports.ts';
import { loudestToneDb } from './kit/sound.ts';
import { Tocsin } from './kit/tocsin.ts';
import { AUDIBLE_DB, hears } from './kit/two-phones.ts';
import { until } from './kit/wait.ts';

const OURS = '0215555';
const CHEN_HZ = 523;
const CITY_HZ = 784;
const EARLY_HZ = 440;

type Trunk = NonNullable<SiteFile['trunks']>[number];

/** A server whose site has these trunks, and the telephone 1003 that a person picks up. */
async function house(t: TestContext, alter: (site: SiteFile) => void) {
  const tocsin = await Tocsin.start(t, { TOCSIN_SIMULATORS: 'off', TOCSIN_SITE: await siteFolder(t, alter) });
  const phone = await Baresip.start(t, { user: '1003', server: tocsin.sip, toneHz: CHEN_HZ });
  const trunk = async (id: string) => (await tocsin.get<TrunkView[]>('/api/trunks')).find((each) => each.id === id)!;
  const entry = (kind: string, found: (data: TimelineEntry['data']) => boolean = () => true) =>
    until(`${kind} is on the timeline`, async () =>
      (await tocsin.timeline({ kind })).map(({ data }) => data).findLast(found),
    );
  return { tocsin, phone, trunk, entry };
}

/** A trunk without registration, behind the prefix 9. */
const plain = (id: string, port: number, more: Partial<Trunk> & { priority?: number } = {}): Trunk => {
  const { priority = 1, ...rest } = more;
  return { id, name: { zh: id }, send: { prefix: '9', host: '127.0.0.1', port, priority }, ...rest };
};

test('a carrier that wants digest is registered with, carries calls both ways, is missed when it dies and found when it is back', async (t) => {
  const kamailio = await Kamailio.carrier(t, { ours: OURS });
  const spare = await farEnd(t, {});
  const { tocsin, phone, trunk, entry } = await house(t, (site) => {
    site.trunks = [
      {
        ...plain('carrier', kamailio.port, { superviseEveryS: 2 }),
        name: { zh: '电信', en: 'Carrier' },
        take: { host: '127.0.0.1', ports: [kamailio.port, kamailio.port] },
        register: {
          registrar: `sip:${kamailio.address}`,
          user: `${OURS}0000`,
          password: CARRIER_PASSWORD,
          expiresS: 60,
        },
        numbers: {
          in: {
            called: [{ match: `${OURS}xxxx`, strip: OURS.length }],
            calling: [{ match: '+861[3-9]xxxxxxxxx', strip: 3 }],
          },
          out: { calling: [{ match: '10xx', add: OURS }], called: [{ match: '1[3-9]xxxxxxxxx', add: '+86' }] },
        },
      },
      plain('spare', spare.port, { priority: 2 }),
    ];
  });
  await until('we are registered and the carrier answers', async () => {
    const { health, isRegistered } = await trunk('carrier');
    return health === 'up' && isRegistered;
  });
  const city = await Baresip.start(t, {
    ...{ user: '+8613800002222', password: CARRIER_PASSWORD, server: kamailio.address, toneHz: CITY_HZ },
  });

  // Out: the number as the carrier wants it, our own as the carrier gave it to us, and two who hear each other.
  await phone.dial('913800002222');
  const [, answered] = await Promise.all([phone.until('CALL_ESTABLISHED'), city.until('CALL_ESTABLISHED')]);
  assert.match(answered.peeruri ?? '', new RegExp(`^sip:${OURS}1003@`));
  await Promise.all([hears(phone, CITY_HZ), hears(city, CHEN_HZ)]);
  await until('the line is shown in use', async () => {
    const { inUse, uses } = await trunk('carrier');
    return inUse === 1 && uses[0]?.direction === 'out' && uses[0].number === '+8613800002222';
  });
  const metrics = await (await fetch(`${tocsin.http}/metrics`)).text();
  assert.match(metrics, /tocsin_trunk_lines_in_use\{trunk="carrier"\} 1/);
  await phone.command('hangup');
  await city.until('CALL_CLOSED');

  // In: to the number that stands in To, from the number as we write it.
  const seenInTheCity = city.events.length;
  let seen = phone.events.length;
  await city.dial(`${OURS}1003`);
  const [shown] = await Promise.all([
    phone.until('CALL_ESTABLISHED', 20_000, seen),
    city.until('CALL_ESTABLISHED', 20_000, seenInTheCity),
  ]);
  assert.match(shown.peeruri ?? '', /^sip:13800002222@/);
  await Promise.all([hears(phone, CITY_HZ), hears(city, CHEN_HZ)]);
  assert.equal((await entry('call.started', ({ trunk: by }) => by === 'carrier'))['from'], '13800002222');
  await city.command('hangup');
  await phone.until('CALL_CLOSED', 20_000, seen);

  // The carrier dies: the call that comes next goes by the other trunk, and everybody is told.
  await kamailio.kill();
  seen = phone.events.length;
  await phone.dial('913800002222');
  await phone.until('CALL_ESTABLISHED', 30_000, seen);
  const refused = await entry('trunk.refused-call', ({ trunk: by }) => by === 'carrier');
  assert.match((refused['words'] as { zh: string }).zh, /对方超时|网络故障/);
  assert.equal((await entry('call.answered', ({ trunk: by }) => by === 'spare'))['by'], '913800002222');
  await phone.command('hangup');
  assert.equal(await spare.ended, 0, 'the spare trunk was called as it should be');
  const { why } = await until('the carrier is shown to be down', async () => {
    const view = await trunk('carrier');
    return view.health === 'down' && view;
  });
  t.diagnostic(`down: ${why?.zh}`);
  const health = await tocsin.get<{ parts: { sip: { problem?: string } } }>('/api/health');
  assert.match(health.parts.sip.problem ?? '', /^trunk down: carrier/);
  await entry('trunk.failed', ({ trunk: by }) => by === 'carrier');

  await kamailio.begin();
  await until('the carrier is up again', async () => (await trunk('carrier')).health === 'up', 60_000);
  await entry('trunk.restored', ({ trunk: by }) => by === 'carrier');
});

test('a trunk that is full hands the call to the next, whose far end is heard before it answers; it is told what the contract says', async (t) => {
  const asserted = `P-Asserted-Identity: .sip:${OURS}0000@carrier[.]test.`;
  const full = await farEnd(t, {
    refuses: { status: '503 Service Unavailable', reason: 'Q.850;cause=34;text="all lines busy"' },
  });
  const good = await farEnd(t, {
    expects: [
      'INVITE sip:[+]8613800002222;tgrp=sim1;',
      asserted,
      'Privacy: id',
      'From: .*Anonymous.*sip:anonymous@anonymous[.]invalid',
    ],
    ...{ earlyToneHz: EARLY_HZ, earlyMs: 4000 },
  });
  const { tocsin, phone, trunk, entry } = await house(t, (site) => {
    site.trunks = [
      plain('full', full.port),
      plain('gsm', good.port, {
        ...{ priority: 2, kind: 'gsm', lines: 1, lineNames: [{ id: 'sim1', name: { zh: '一号卡' } }] },
        identity: { show: 'none', number: `${OURS}0000`, by: 'asserted', domain: 'carrier.test' },
        numbers: { out: { called: [{ match: '1[3-9]xxxxxxxxx', add: '+86' }] } },
      }),
    ];
  });

  await phone.dial('913800002222');
  await until(
    'the caller hears the far end ring',
    async () => loudestToneDb(await phone.heard(), EARLY_HZ) > AUDIBLE_DB,
  );
  assert.ok(!phone.events.some(({ type }) => type === 'CALL_ESTABLISHED'), 'nobody has answered yet');
  await phone.until('CALL_ESTABLISHED');
  const refused = await entry('trunk.refused-call');
  assert.deepEqual(
    [refused['trunk'], refused['status'], refused['q850'], refused['words']],
    ['full', 503, 34, { zh: '线路全忙', en: 'Every line is in use' }],
  );
  const { lineNames, uses } = await trunk('gsm');
  assert.deepEqual([lineNames[0]?.id, uses[0]?.line], ['sim1', 'sim1'], 'the SIM card that is used is named');

  // The only line is in use: a second caller is refused by name, and the desk reads why.
  const second = await Baresip.start(t, { user: '1004', server: tocsin.sip });
  await second.dial('913800003333');
  assert.match((await second.until('CALL_CLOSED')).param ?? '', /503/);
  const over = await entry('call.ended', ({ cause }) => cause !== undefined);
  assert.deepEqual((over['cause'] as { words: unknown }).words, { zh: '线路全忙', en: 'Every line is in use' });
  assert.equal((await trunk('gsm')).calls.full, 1);

  // Taken out of service by hand: the call on it goes on, the next is refused at once and told why; put back, all is as before.
  const drain = (id: string) => tocsin.command({ do: 'trunk.drain', trunk: id, because: '换线' });
  await Promise.all([drain('full'), drain('gsm')]);
  await until('the trunk shows it', async () => (await trunk('gsm')).outOfService?.because === '换线');
  const seen = second.events.length;
  await second.dial('913800004444');
  assert.match((await second.until('CALL_CLOSED', 20_000, seen)).param ?? '', /503/);
  const drained = await entry('trunk.refused-call', ({ outcome }) => outcome === 'out-of-service');
  assert.equal((drained['words'] as { zh: string }).zh, '中继已由管理员退出服务');
  assert.ok(phone.isInCall, 'the call on it goes on');
  const notHis = await tocsin.request(
    'POST',
    '/api/commands',
    { do: 'trunk.restore', trunk: 'gsm' },
    await tocsin.login('dispatcher'),
  );
  assert.equal(notHis.status, 403);
  await tocsin.command({ do: 'trunk.restore', trunk: 'gsm' });
  assert.equal((await entry('trunk.put-back'))['trunk'], 'gsm');

  await phone.command('hangup');
  assert.equal(await good.ended, 0, 'the far end got what was expected, PRACK included');
  await until('the line is free', async () => (await trunk('gsm')).inUse === 0);
});

test('who is not wanted, may not call that far, or calls too much is refused with a cause, and the administrator can ask why', async (t) => {
  const carrierPort = await freePort();
  const outside = await freePort();
  const { tocsin, phone, entry } = await house(t, (site) => {
    site.trunks = [plain('carrier', carrierPort, { take: { host: '127.0.0.1', ports: [outside, outside] } })];
    site.callClasses = [{ id: 'hall', name: { zh: '大厅', en: 'Hall' }, mayCall: ['local'], callsPerHour: 1 }];
    site.callClass = 'hall';
    site.blacklist = [{ number: '1390000.', because: '骚扰' }];
    site.capacity = { seats: 1 };
  });

  const stranger = await Baresip.start(t, {
    ...{ user: '13900001111', server: tocsin.sip, registers: false, port: outside },
  });
  await stranger.dial('1003');
  assert.match((await stranger.until('CALL_CLOSED')).param ?? '', /403/);
  assert.equal((await entry('call.refused'))['because'], 'blacklisted');

  const ends = async (number: string) => {
    const seen = phone.events.length;
    await phone.dial(number);
    return (await phone.until('CALL_CLOSED', 30_000, seen)).param ?? '';
  };
  assert.match(await ends('9001206555000'), /403/);
  const barred = await entry('call.refused', ({ because }) => because === 'barred');
  assert.match((barred['words'] as { zh: string }).zh, /国际长途，“大厅”无权呼叫/);
  // Nobody is at the carrier's port: the first call counts all the same, the second is one too many.
  assert.doesNotMatch(await ends('913800002222'), /403/);
  assert.match(await ends('913800002222'), /403/);
  assert.equal((await entry('security.call-refused'))['because'], 'too-many-this-hour');

  const test = await tocsin.post<{
    question: { zh: string };
    outcome: { zh: string };
    steps: { said: { zh: string } }[];
  }>('/api/routing/test', { calling: '13900001111', dialled: '12345', at: '2026-09-22T23:10' });
  assert.equal(test.question.zh, '2026-09-22 周二 23:10，13900001111 经中继“carrier”拨打 12345');
  assert.match(test.outcome.zh, /^拒绝：13900001111 在黑名单上/);
  const night = await tocsin.post<typeof test>('/api/routing/test', {
    ...{ calling: '13800000000', dialled: '12345', at: '2026-09-22T23:10' },
  });
  assert.match(night.steps.map(({ said }) => said.zh).join('\n'), /规则“热线·值班”（办公时间外）：转到 1004/);
  assert.match(night.outcome.zh, /分机 1004/);
  const asked = await tocsin.request('POST', '/api/routing/test', { calling: 'x', dialled: '1' });
  assert.equal(asked.status, 400);
  const dispatcher = await tocsin.login('dispatcher');
  assert.equal((await tocsin.request('GET', '/api/routing', undefined, dispatcher)).status, 403);

  // One seat: who sits there may open a second window, nobody else finds a seat until he leaves.
  const desk = await Console.open(t, tocsin, 'dispatcher');
  assert.ok(
    desk.all('trunks').some(({ id }) => id === 'carrier'),
    'the desk sees the trunks',
  );
  await tocsin.login('dispatcher');
  await assert.rejects(tocsin.login('lead'), /409 .*SEATS_EXHAUSTED/);
  desk.close();
  await until('the seat is free', async () => await tocsin.login('lead').catch(() => undefined));
});
