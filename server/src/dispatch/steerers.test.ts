import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ManualClock } from '#kernel/clock.ts';
import type { Desk } from './desk.ts';
import { Steering, STEERING_LEASE_MS } from './steerers.ts';

test('whoever moves a camera has it until he lets go for a while; who stands higher takes it', () => {
  const clock = new ManualClock();
  const site = {
    roles: [
      { id: 'lead', rank: 2 },
      { id: 'dispatcher', rank: 1 },
    ],
    users: [
      { id: 'zhou', role: 'dispatcher', name: { zh: '周明' } },
      { id: 'wu', role: 'dispatcher', name: { zh: '吴' } },
      { id: 'shen', role: 'lead', name: { zh: '沈国华' } },
    ],
  };
  const steering = new Steering({ clock, directory: { site } } as unknown as Desk);
  const told: string[] = [];
  steering.on('changed', (camera) => told.push(`${camera} ${steering.of(camera) ?? 'free'}`));
  const take = (user: string) => steering.take('c', { user, name: user });
  assert.equal(take('zhou'), false);
  assert.throws(() => take('wu'), { code: 'CAMERA_TAKEN' });
  clock.advance(STEERING_LEASE_MS - 1);
  assert.equal(take('zhou'), true, 'each order begins the lease anew');
  clock.advance(STEERING_LEASE_MS - 1);
  assert.equal(take('shen'), false, 'the lead takes it');
  assert.throws(() => take('zhou'), { code: 'CAMERA_TAKEN' });
  clock.advance(STEERING_LEASE_MS);
  assert.equal(take('wu'), false);
  assert.deepEqual(told, ['c zhou', 'c shen', 'c free', 'c wu']);
});
