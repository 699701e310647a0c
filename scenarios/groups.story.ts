import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import type { CallSettingsChange } from '@tocsin/protocol/call-settings.ts';
import type { HuntGroupView } from '@tocsin/protocol/views.ts';
import { Baresip } from './kit/baresip.ts';
import { HEARD_ABOVE_DB, listenFor, SILENT_BELOW_DB } from './kit/hearing.ts';
import { siteFolder } from './kit/own-site.ts';
import { freePortPair } from './kit/ports.ts';
import { answerWith, expectRequest, scriptedPhone } from './kit/sipp.ts';
import { toneDb } from './kit/sound.ts';
import { Tocsin } from './kit/tocsin.ts';
import { hears } from './kit/two-phones.ts';
import { until } from './kit/wait.ts';

const CALLER_HZ = 523;
const ZHAO_HZ = 784;
const ZHANG_HZ = 1175;
const MOBILE_HZ = 1568;

/** A site with two hunt groups, a trunk that leads to one mobile, a caller and two phones that are answered by hand. */
async function office(t: TestContext) {
  const mobilePort = await freePortPair();
  const site = await siteFolder(t, (file) => {
    file.trunks![0]!.send = { prefix: '9', host: '127.0.0.1', port: mobilePort, stripPrefix: true };
    const group = { name: { zh: '值班' }, members: ['1005', '1006', '1007'] };
    file.huntGroups = [
      { ...group, number: '2002', members: ['1005', '1006'], strategy: 'in-turn', ringEachS: 5 },
      { ...group, number: '2003', strategy: 'all-at-once' },
    ];
  });
  const tocsin = await Tocsin.start(t, { TOCSIN_SITE: site, TOCSIN_SIMULATORS: 'off' });
  const server = tocsin.sip;
  const [caller, zhao, zhang, mobile] = await Promise.all([
    Baresip.start(t, { user: '1002', server, toneHz: CALLER_HZ }),
    Baresip.start(t, { user: '1005', server, toneHz: ZHAO_HZ, answer: 'manual' }),
    Baresip.start(t, { user: '1006', server, toneHz: ZHANG_HZ, answer: 'manual' }),
    Baresip.start(t, { user: '13800001005', server, toneHz: MOBILE_HZ, registers: false, port: mobilePort }),
  ]);
  const settle = async (account: string, change: CallSettingsChange) =>
    await tocsin.request('PUT', `/api/accounts/${account}/call-settings`, change);
  return { tocsin, server, caller, zhao, zhang, mobile, settle };
}

/** Both hear each other, and neither hears himself or the third. */
async function talk(t: TestContext, a: Baresip, b: Baresip, thirdHz: number): Promise<void> {
  await Promise.all([hears(a, b.options.toneHz!), hears(b, a.options.toneHz!)]);
  const heard = await listenFor([a, b], 1);
  for (const [phone, other] of [
    [a, b],
    [b, a],
  ] as const) {
    const level = (hz: number) => toneDb(heard.get(phone)!, hz);
    t.diagnostic(`${phone.options.user} hears ${other.options.user} at ${level(other.options.toneHz!).toFixed(1)} dB`);
    assert.ok(level(other.options.toneHz!) > HEARD_ABOVE_DB);
    for (const hz of [thirdHz, phone.options.toneHz!]) assert.ok(level(hz) < SILENT_BELOW_DB, `${hz} Hz`);
  }
}

async function hangUp(by: Baresip, other: Baresip): Promise<void> {
  const seen = other.events.length;
  await by.command('hangup');
  await other.until('CALL_CLOSED', 20_000, seen);
}

test('a group finds who answers, and every owner decides where his calls go', async (t) => {
  const { tocsin, server, caller, zhao, zhang, mobile, settle } = await office(t);

  await t.test('in turn: when the first does not come, the second is rung and talks', async (t) => {
    await caller.dial('2002');
    await zhao.until('CALL_INCOMING');
    assert.ok(!zhang.events.some(({ type }) => type === 'CALL_INCOMING'), 'the second waits for the first');
    await zhang.until('CALL_INCOMING');
    await zhao.until('CALL_CLOSED');
    await zhang.command('accept');
    await talk(t, caller, zhang, ZHAO_HZ);
    await hangUp(caller, zhang);
  });

  await t.test('all at once: one takes it, and the others learn that it was completed elsewhere', async (t) => {
    const other = await scriptedPhone(t, {
      user: '1007',
      password: 'tocsin-demo',
      server,
      part: [
        expectRequest('INVITE'),
        answerWith('180 Ringing'),
        expectRequest('CANCEL', { name: 'Reason', like: 'SIP;cause=200;text=.*completed elsewhere' }),
        answerWith('200 OK'),
      ].join('\n'),
    });
    const [seenByZhao, seenByZhang] = [zhao.events.length, zhang.events.length];
    await caller.dial('2003');
    await Promise.all([
      zhao.until('CALL_INCOMING', 20_000, seenByZhao),
      zhang.until('CALL_INCOMING', 20_000, seenByZhang),
    ]);
    await zhao.command('accept');
    await zhang.until('CALL_CLOSED', 20_000, seenByZhang);
    assert.equal(await other.ended, 0, other.said());
    await talk(t, caller, zhao, ZHANG_HZ);
    const [, group] = await tocsin.get<HuntGroupView[]>('/api/hunt-groups');
    assert.equal(group?.members.find(({ number }) => number === '1005')?.state, 'busy');
    await hangUp(caller, zhao);
  });

  await t.test('do not disturb is busy to a colleague', async () => {
    assert.equal((await settle('1005', { doNotDisturb: true })).status, 200);
    const seen = caller.events.length;
    await caller.dial('1005');
    const closed = await caller.until('CALL_CLOSED', 20_000, seen);
    assert.match(closed.param ?? '', /^486/);
    const entries = await until('it is on the timeline', async () => {
      const found = await tocsin.timeline({ kind: 'call.not-disturbed' });
      return found.length > 0 && found;
    });
    assert.equal(entries[0]?.data['account'], '1005');
    await settle('1005', { doNotDisturb: false });
  });

  await t.test('forwarded always: the next phone is told where the call came through', async (t) => {
    const next = await scriptedPhone(t, {
      user: '1008',
      password: 'tocsin-demo',
      server,
      part: [
        expectRequest('INVITE', { name: 'Diversion', like: 'sip:1005@.*reason=unconditional' }),
        answerWith('603 Decline'),
        '<recv request="ACK"/>',
      ].join('\n'),
    });
    await settle('1005', { forwardAlways: '1008' });
    await caller.dial('1005');
    assert.equal(await next.ended, 0, next.said());
    await settle('1005', { forwardAlways: null });
  });

  await t.test('two phones that forward to each other do not ring for ever', async () => {
    await settle('1005', { forwardAlways: '1006' });
    await settle('1006', { forwardAlways: '1005' });
    const seen = caller.events.length;
    await caller.dial('1005');
    assert.match((await caller.until('CALL_CLOSED', 20_000, seen)).param ?? '', /^480/);
    await settle('1005', { forwardAlways: null });
    await settle('1006', { forwardAlways: null });
  });

  await t.test('follow-me: the mobile rings along and has the call when 1 is pressed', async (t) => {
    await settle('1005', {
      followMe: { isOn: true, numbers: [{ dial: '913800001005', afterS: 0, confirm: 'press-1' }] },
    });
    const seen = zhao.events.length;
    await caller.dial('1005');
    await Promise.all([zhao.until('CALL_INCOMING', 20_000, seen), mobile.until('CALL_ESTABLISHED')]);
    assert.ok(!caller.isInCall, 'a mobile that has only picked up has no caller yet');
    await mobile.press('1');
    await zhao.until('CALL_CLOSED', 20_000, seen);
    await talk(t, caller, mobile, ZHAO_HZ);
    await hangUp(caller, mobile);
  });

  await t.test('somebody else’s settings are refused to a dispatcher', async () => {
    const token = await tocsin.login('dispatcher');
    const answer = await tocsin.request('PUT', '/api/accounts/1005/call-settings', { doNotDisturb: true }, token);
    assert.equal(answer.status, 403);
    const own = await tocsin.request('PUT', '/api/accounts/1003/call-settings', { doNotDisturb: true }, token);
    assert.equal(own.status, 200);
  });
});
