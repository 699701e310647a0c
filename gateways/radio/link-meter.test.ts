import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LinkMeter, lostBetween } from './link-meter.ts';

test('what does not come through counts against the link, and is told once for each window that differs', () => {
  const meter = new LinkMeter();
  const told: number[] = [];
  const packets = (count: number, lost: number, isThrough: (n: number) => boolean) => {
    for (let n = 0; n < count; n += 1) {
      const percent = meter.note(lost, isThrough(n));
      if (percent !== undefined) told.push(percent);
    }
  };
  packets(300, 0, () => true);
  packets(300, 0, (n) => n % 5 !== 0);
  packets(100, 1, () => true);
  packets(100, 0, () => false);
  assert.deepEqual(told, [100, 80, 50, 0]);
});

test('a gap in the numbers is loss; a late packet, a second copy and a new beginning are not', () => {
  assert.equal(lostBetween(undefined, 7, 16), 0);
  assert.equal(lostBetween(65_535, 0, 16), 0);
  assert.equal(lostBetween(65_534, 2, 16), 3);
  assert.equal(lostBetween(10, 9, 16), 0);
  assert.equal(lostBetween(10, 10, 16), 0);
  assert.equal(lostBetween(10, 30_000, 16), 0);
  assert.equal(lostBetween(2 ** 32 - 1, 1, 32), 1);
});
