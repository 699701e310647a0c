import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Calendar } from '@tocsin/protocol/routing.ts';
import { isOpen, localTime, momentOf } from './calendar.ts';

const open = (calendar: Calendar, wallClock: string) =>
  isOpen(calendar, localTime(momentOf(wallClock, 'Asia/Shanghai'), 'Asia/Shanghai')).open;

test('the wall clock is that of the site’s time zone, also where summer time moves it', () => {
  const atMs = Date.UTC(2026, 8, 30, 15, 10);
  assert.deepEqual(localTime(atMs, 'Asia/Shanghai'), { day: '2026-09-30', weekday: 'wed', minutes: 23 * 60 + 10 });
  assert.equal(momentOf('2026-09-30T23:10', 'Asia/Shanghai'), atMs);
  assert.equal(momentOf('2026-07-01T12:00', 'Europe/Berlin'), Date.UTC(2026, 6, 1, 10));
  assert.equal(momentOf('2026-12-01T12:00', 'Europe/Berlin'), Date.UTC(2026, 11, 1, 11));
  for (const time of ['2026-03-29T01:59', '2026-03-29T03:00', '2026-10-25T03:00'])
    assert.equal(
      localTime(momentOf(time, 'Europe/Berlin'), 'Europe/Berlin').minutes % 60,
      Number(time.slice(-2)),
      time,
    );
});

test('hours over midnight belong to the day on which they began', () => {
  const night = Calendar.parse({
    id: 'night',
    name: { zh: '夜班' },
    weekly: [{ days: ['fri'], from: '22:00', to: '06:00' }],
  });
  assert.ok(open(night, '2026-09-25T23:00'), 'Friday night');
  assert.ok(open(night, '2026-09-26T05:59'), 'Saturday morning');
  assert.ok(!open(night, '2026-09-26T06:00'));
  assert.ok(!open(night, '2026-09-25T05:00'), 'Friday morning is Thursday’s night');
  assert.ok(!open(night, '2026-09-26T23:00'), 'Saturday night');
});

test('a day ends at 24:00', () => {
  const always = Calendar.parse({
    id: 'always',
    name: { zh: '全天' },
    weekly: [{ days: ['sun'], from: '00:00', to: '24:00' }],
  });
  assert.ok(open(always, '2026-09-27T00:00') && open(always, '2026-09-27T23:59'));
  assert.ok(!open(always, '2026-09-28T00:00'));
});
