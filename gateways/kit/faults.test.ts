import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededChance } from '@tocsin/server/kernel/chance.ts';
import { ManualClock } from '@tocsin/server/kernel/clock.ts';
import { Faults } from './faults.ts';

function line() {
  const clock = new ManualClock();
  let killed = 0;
  const faults = new Faults({
    isAllowed: true,
    clock,
    chance: seededChance('faults', () => clock.now()),
    kill: () => (killed += 1),
  });
  const came: { packet: number[]; atMs: number }[] = [];
  const startMs = clock.monotonic();
  const send = (...packet: number[]) =>
    faults.pass('line', Uint8Array.from(packet), (each) =>
      came.push({ packet: [...each], atMs: clock.monotonic() - startMs }),
    );
  return { faults, clock, came, send, killed: () => killed };
}

test('each fault does what its name says, and none mends', () => {
  const { faults, clock, came, send } = line();
  const last = () => came.at(-1)?.packet;
  faults.inject({ resource: 'line', fault: 'cut' });
  send(1);
  assert.deepEqual(came, []);

  faults.inject({ resource: 'line', fault: 'freeze' });
  send(2);
  send(3);
  assert.deepEqual(last(), [2]);

  faults.inject({ resource: 'line', fault: 'garbage' });
  send(4, 4, 4, 4, 4, 4, 4, 4);
  assert.equal(last()!.length, 8);
  assert.notDeepEqual(last(), [4, 4, 4, 4, 4, 4, 4, 4]);

  faults.inject({ resource: 'line', fault: 'none' });
  send(5);
  assert.deepEqual(last(), [5]);

  faults.inject({ resource: 'line', fault: 'delay', amount: 700 });
  const count = came.length;
  send(6);
  clock.advance(699);
  assert.equal(came.length, count);
  clock.advance(1);
  assert.deepEqual(last(), [6]);
});

test('loss takes about its share, and jitter spreads what comes', () => {
  const { faults, clock, came, send } = line();
  faults.inject({ resource: 'line', fault: 'loss', amount: 30 });
  for (let n = 0; n < 1000; n++) send(n & 0xff);
  assert.ok(came.length > 620 && came.length < 780, `${came.length} of 1000 came`);
  faults.inject({ resource: 'line', fault: 'jitter', amount: 100 });
  const before = came.length;
  for (let n = 0; n < 100; n++) send(n);
  clock.advance(100);
  const moments = came.slice(before).map(({ atMs }) => Math.round(atMs / 10));
  assert.equal(came.length - before, 100);
  assert.ok(new Set(moments).size > 4, 'at many moments');
});

test('kill comes after the answer, other resources are left alone, and a real site refuses', () => {
  const { faults, clock, came, send, killed } = line();
  faults.inject({ resource: 'other', fault: 'cut' });
  send(1);
  assert.equal(came.length, 1);
  faults.inject({ resource: 'line', fault: 'kill' });
  assert.equal(killed(), 0);
  clock.advance(300);
  assert.equal(killed(), 1);
  const real = new Faults({ isAllowed: false, clock, chance: seededChance('x', () => 0) });
  assert.equal(real.inject({ resource: 'line', fault: 'cut' }).outcome, 'refused');
});
