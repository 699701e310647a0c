import assert from 'node:assert/strict';
import { test } from 'node:test';
import { calendarDay, duration, readableNumber, reading, seconds, timeOf } from './format.ts';

test('a duration is mm:ss, from an hour on h:mm:ss, and never negative', () => {
  assert.equal(duration(21_900), '00:21');
  assert.equal(duration(6_125_000), '1:42:05');
  assert.equal(duration(-5), '00:00');
});

test('a number is grouped as people read it out', () => {
  assert.equal(readableNumber('13900001188'), '139 0000 1188');
  assert.equal(readableNumber('057100000417'), '0571-0000-0417');
  assert.equal(readableNumber('01012345678'), '010-1234-5678');
  assert.equal(readableNumber('6012'), '6012');
  assert.equal(readableNumber('913800006021'), '138 0000 6021');
});

test('a time of another day carries its date', () => {
  const now = new Date(2026, 10, 22, 3, 12, 47).getTime();
  assert.equal(timeOf(now - 1000, now), '03:12:46');
  assert.equal(timeOf(now - 24 * 3_600_000, now), '11-21 03:12');
});

test('readings and seconds keep the decimals that mean something', () => {
  assert.equal(reading(118.416, 'm'), '118.42');
  assert.equal(reading(64.5, 'mm'), '64.5');
  assert.equal(seconds(214), '0.21');
  assert.equal(seconds(1640), '1.6');
  assert.equal(seconds(38_200), '38');
});

test('the day is written in both languages', () => {
  const at = new Date(2026, 10, 22).getTime();
  assert.deepEqual(calendarDay(at, 'zh'), { day: '11月22日', weekday: '星期日' });
  assert.deepEqual(calendarDay(at, 'en'), { day: '22 Nov', weekday: 'Sunday' });
});
