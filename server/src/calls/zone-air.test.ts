import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AnnouncementPriority } from '@tocsin/protocol/common.ts';
import { ZoneAir, type Turn } from './zone-air.ts';

function zone() {
  const air = new ZoneAir();
  const told: string[] = [];
  const turn = (id: string, priority: AnnouncementPriority): Turn => ({
    id,
    priority,
    granted: () => told.push(`${id} on`),
    preempted: (by) => told.push(`${id} under ${by}`),
    dismissed: (why) => told.push(`${id} ${why}`),
  });
  return { air, told, turn };
}

test('what is more urgent interrupts, and what was interrupted comes back in order', () => {
  const { air, told, turn } = zone();
  air.enter(turn('music', 'music'));
  air.enter(turn('page', 'routine'));
  air.enter(turn('siren', 'emergency'));
  assert.equal(air.waiting, 2);
  air.leave('siren');
  air.leave('page');
  assert.deepEqual(told, [
    'music on',
    'music under page',
    'page on',
    'page under siren',
    'siren on',
    'page on',
    'music on',
  ]);
});

test('what is less urgent waits, and what ends while it waits is never heard', () => {
  const { air, told, turn } = zone();
  air.enter(turn('siren', 'emergency'));
  air.enter(turn('page', 'routine'));
  air.enter(turn('music', 'music'));
  air.leave('page');
  air.leave('siren');
  assert.deepEqual(told, ['siren on', 'music on']);
});

test('of two of the same rank the newer is heard and the older is over; silence ends them all', () => {
  const { air, told, turn } = zone();
  air.enter(turn('music', 'music'));
  air.enter(turn('first', 'routine'));
  air.enter(turn('second', 'routine'));
  air.clear();
  assert.equal(air.current, undefined);
  air.leave('second');
  assert.deepEqual(told, [
    'music on',
    'music under first',
    'first on',
    'first replaced',
    'second on',
    'second stopped',
    'music stopped',
  ]);
});
