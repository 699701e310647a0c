import assert from 'node:assert/strict';
import { test } from 'node:test';
import { momentOf } from './calendar.ts';
import { route } from './route.ts';
import { ask, askFromOutside, testBook } from './test-book.ts';

const send = { prefix: '9', host: '127.0.0.1', port: 15090 };
const shanghai = (wallClock: string) => momentOf(wallClock, 'Asia/Shanghai');
/** The stage that decided, and what it said in English. */
const decision = ({ steps }: ReturnType<typeof ask>) => {
  const last = steps.at(-1)!;
  assert.ok(last.decides);
  return `${last.stage}: ${last.said.en}`;
};

test('phones, rooms and the echo test are found before any trunk', () => {
  const book = testBook();
  assert.deepEqual(ask({ dialled: '1004' }, book).destination, { kind: 'account', user: '1004' });
  assert.deepEqual(ask({ dialled: '8001' }, book).destination, { kind: 'room', number: '8001' });
  assert.deepEqual(ask({ dialled: '9196' }, book).destination, { kind: 'echo' });
  assert.equal(decision(ask({ dialled: '8001' }, book)), 'rooms: 8001 is the conference room “Flood”');
});

test('a radio channel is dialled by phones of the house, and by nobody from outside', () => {
  const book = testBook({
    channels: [
      {
        id: 'vhf-1',
        name: { zh: 'VHF 1' },
        organisation: 'root',
        gateway: 'radio-1',
        bearer: 'vhf-uhf',
        number: '8601',
      },
    ],
  });
  assert.deepEqual(ask({ dialled: '8601' }, book).destination, { kind: 'channel', id: 'vhf-1' });
  assert.equal(askFromOutside({ dialled: '8601', calling: '057188880000' }, book).destination.kind, 'unknown');
});

test('a number that leads nowhere is unknown, a bare prefix too', () => {
  for (const dialled of ['7777', '9'])
    assert.equal(decision(ask({ dialled }, testBook())), 'nowhere: No rule knows this number');
});

test('the longest prefix wins, each trunk writes the number its own way, and the lower priority number comes first', () => {
  const book = testBook({
    trunks: [
      {
        id: 'second',
        name: { zh: '备用', en: 'Spare' },
        send: { ...send, host: '10.0.0.2', priority: 2, transport: 'tcp' },
        numbers: { out: { called: [{ match: '1[3-9]xxxxxxxxx', add: '+86' }] } },
      },
      { id: 'first', name: { zh: '主用', en: 'Main' }, send },
      { id: 'satellite', name: { zh: '卫星' }, send: { prefix: '98', host: '::1', port: 5060, stripPrefix: false } },
      { id: 'inbound', name: { zh: '热线' } },
    ],
  });
  const found = ask({ dialled: '913800001111' }, book);
  assert.deepEqual(found.destination, {
    kind: 'trunk',
    numberClass: 'local',
    ways: [
      { trunk: 'first', number: '13800001111', address: 'sip:13800001111@127.0.0.1:15090', priority: 1, weight: 1 },
      {
        trunk: 'second',
        number: '+8613800001111',
        address: 'sip:+8613800001111@10.0.0.2:15090;transport=tcp',
        priority: 2,
        weight: 1,
      },
    ],
  });
  assert.equal(
    decision(found),
    'trunks: Prefix 9 goes out by: Main (dials 13800001111), then Spare (dials +8613800001111)',
  );
  const { destination } = ask({ dialled: '98816000' }, book);
  assert.equal(destination.kind === 'trunk' && destination.ways[0]!.address, 'sip:98816000@[::1]:5060');
});

test('13800000000 dials 12345 at 23:10: the rule of the night sends it to the duty lead', () => {
  const hours = [{ days: ['mon', 'tue', 'wed', 'thu', 'fri'] as const, from: '08:30', to: '17:30' }];
  const rule = (id: string, when: object, number: string) => ({
    id,
    name: { zh: id, en: id },
    when: { called: ['12345'], ...when },
    then: { number },
  });
  const book = testBook({
    calendars: [
      {
        id: 'office',
        name: { zh: '办公时间', en: 'office hours' },
        weekly: hours.map((each) => ({ ...each, days: [...each.days] })),
        holidays: [{ from: '2026-10-01', to: '2026-10-07' }],
        workdays: [{ date: '2026-10-10' }],
      },
    ],
    routes: [rule('day', { during: 'office' }, '1003'), rule('night', { outside: 'office' }, '1004')],
  });
  const at = (time: string) => decision(askFromOutside({ dialled: '12345', atMs: shanghai(time) }, book));
  const found = askFromOutside({ dialled: '12345', atMs: shanghai('2026-09-22T23:10') }, book);
  assert.deepEqual(found.destination, { kind: 'account', user: '1004' });
  assert.deepEqual(
    found.steps.map(({ stage, said }) => `${stage}: ${said.zh}`),
    [
      'recognise-caller: 13800000000：张伟，呼叫权限“只呼入”',
      'site-routes: 规则“night”（办公时间外）：转到 1004',
      'accounts: 1004 是本站分机（1004）',
    ],
  );
  assert.match(at('2026-09-22T09:00'), /1003/);
  assert.match(at('2026-10-02T09:00'), /1004/, 'a holiday');
  assert.match(at('2026-10-10T09:00'), /1003/, 'a Saturday that is worked');
  assert.match(at('2026-10-17T09:00'), /1004/, 'another Saturday');
});

test('rules may ask for the caller’s group, class, region, importance and trunk; the first that fits counts', () => {
  const to = (id: string, when: object, number: string) => ({ id, name: { zh: id }, when, then: { number } });
  const book = testBook({
    callClasses: [{ id: 'staff', name: { zh: '职工' } }],
    callClass: 'staff',
    regions: [{ id: 'hangzhou', name: { zh: '杭州' }, numbers: ['0571.'] }],
    vips: [{ number: '0571888.', level: 5 }],
    routes: [
      to('vip', { vip: 3, called: ['12345'] }, '1003'),
      to('region', { region: ['hangzhou'], called: ['12345'] }, '1004'),
      to('group', { group: ['leaders'], called: ['12345'] }, '1005'),
      to('class', { class: ['staff'], called: ['12345'] }, '1006'),
      {
        id: 'rest',
        name: { zh: '其余' },
        when: { trunk: ['carrier'], called: ['12345'] },
        then: { refuse: { zh: '不接' } },
      },
    ],
  });
  const user = (calling: string) => {
    const { destination } = askFromOutside({ dialled: '12345', calling }, book);
    return destination.kind === 'account' ? destination.user : destination.kind;
  };
  assert.equal(user('057188812345'), '1003');
  assert.equal(user('057100000000'), '1004');
  assert.equal(user('13800000000'), '1005');
  assert.equal(user('13900000000'), 'refused');
  assert.deepEqual(ask({ dialled: '12345' }, book).destination, { kind: 'account', user: '1006' });
});

test('a rule can name the trunks, in its own order, and needs no prefix', () => {
  const book = testBook({
    trunks: [
      { id: 'a', name: { zh: 'A' }, send },
      { id: 'b', name: { zh: 'B' }, send: { ...send, priority: 9 } },
    ],
    callClasses: [{ id: 'staff', name: { zh: '职工' }, mayCall: ['local'] }],
    callClass: 'staff',
    routes: [{ id: 'r', name: { zh: 'r' }, when: { called: ['13.', '913.'] }, then: { trunks: ['b', 'a'] } }],
  });
  for (const dialled of ['13800001111', '913800001111']) {
    const { destination } = ask({ dialled }, book);
    assert.deepEqual(
      destination.kind === 'trunk' && destination.ways.map(({ trunk, number }) => [trunk, number]),
      [
        ['b', '13800001111'],
        ['a', '13800001111'],
      ],
      dialled,
    );
  }
});

test('who is on the blacklist is refused, until the day it says, but for a cry for help', () => {
  const book = testBook({
    blacklist: [
      { number: '0216xxx1234', because: '骚扰' },
      { number: '13900000000', until: '2026-09-30' },
    ],
  });
  const from = (calling: string, time = '2026-09-22T10:00', dialled = '1004') =>
    decision(askFromOutside({ dialled, calling, atMs: shanghai(time) }, book));
  assert.equal(from('02160001234'), 'blacklist: 02160001234 is on the blacklist (0216xxx1234: 骚扰)');
  assert.match(from('13900000000', '2026-09-30T23:59'), /^blacklist/);
  assert.match(from('13900000000', '2026-10-01T00:00'), /^accounts/);
  assert.match(from('02160001234', undefined, '110'), /^emergency/);
  const added = { ...book, blacklist: () => [{ number: '13800000000', because: '' }] };
  assert.match(decision(askFromOutside({ dialled: '1004' }, added)), /^blacklist/);
});

test('what a class may not call is refused; emergency numbers are everybody’s, with the prefix and without', () => {
  const book = testBook({
    callClasses: [
      { id: 'hall', name: { zh: '大厅', en: 'Hall' }, mayCall: ['local'] },
      { id: 'boss', name: { zh: '领导', en: 'Boss' }, mayCall: ['local', 'long-distance', 'international'] },
    ],
    callClass: 'hall',
    accounts: [{ user: '1003' }, { user: '1004', callClass: 'boss' }],
  });
  const outcome = (calling: string, dialled: string) => ask({ calling, dialled }, book).destination.kind;
  assert.equal(outcome('1003', '913800001111'), 'trunk');
  assert.equal(
    decision(ask({ dialled: '9057188880000' }, book)),
    'barring: 057188880000 is long-distance; “Hall” may not call it',
  );
  assert.equal(outcome('1003', '9001206555'), 'refused');
  assert.equal(outcome('1004', '9001206555'), 'trunk');
  assert.equal(outcome('1004', '916812345'), 'refused', 'premium');
  for (const dialled of ['110', '9110', '119', '9120'])
    assert.equal(outcome('1003', dialled), 'trunk', `${dialled} is an emergency number`);
});

test('without classes nobody calls abroad, callers from a trunk call nobody outside, and the house calls everybody', () => {
  const book = testBook();
  assert.equal(ask({ dialled: '9057188880000' }, book).destination.kind, 'trunk');
  assert.equal(ask({ dialled: '9001206555' }, book).destination.kind, 'refused');
  assert.equal(askFromOutside({ dialled: '913800001111' }, book).destination.kind, 'refused');
  assert.equal(askFromOutside({ dialled: '1004' }, book).destination.kind, 'account');
  assert.equal(route({ dialled: '9001206555', calling: '8000', atMs: 0 }, book).destination.kind, 'trunk');
});

test('a rule of the site may lead outside whom his own class would not let', () => {
  const book = testBook({
    routes: [{ id: 'duty', name: { zh: '值班手机' }, when: { called: ['12345'] }, then: { number: '913800001111' } }],
  });
  const { destination } = askFromOutside({ dialled: '12345' }, book);
  assert.equal(destination.kind === 'trunk' && destination.ways[0]!.number, '13800001111');
});

test('a trunk’s numbers are made the site’s before anything is asked of them', () => {
  const book = testBook({
    trunks: [
      {
        id: 'carrier',
        name: { zh: '运营商' },
        numbers: {
          in: {
            calling: [
              { match: '+861[3-9]xxxxxxxxx', strip: 3 },
              { match: '+86.', strip: 3, add: '0' },
            ],
            called: [{ match: '8888xxxx', strip: 4, add: '' }],
          },
        },
      },
    ],
  });
  const { facts, destination } = askFromOutside({ dialled: '88881004', calling: '+8613800000000' }, book);
  assert.deepEqual([facts.calling, facts.called, facts.person], ['13800000000', '1004', 'zhang']);
  assert.deepEqual(destination, { kind: 'account', user: '1004' });
  assert.equal(askFromOutside({ dialled: '1', calling: '+8657188880000' }, book).facts.calling, '057188880000');
});
