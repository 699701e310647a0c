import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SsrcGuard } from './ssrc-guard.ts';

test('another SSRC is refused beside the one that is heard, and taken when that one has stopped', () => {
  const guard = new SsrcGuard();
  assert.equal(guard.admit(1, 0), true);
  assert.equal(guard.admit(666, 10), false);
  assert.equal(guard.admit(1, 20), true);
  assert.equal(guard.admit(666, 219), false);
  assert.equal(guard.admit(2, 220), true, 'the far end has begun anew');
  assert.equal(guard.admit(1, 230), false);
});

test('what is refused does not keep the present one alive', () => {
  const guard = new SsrcGuard();
  guard.admit(1, 0);
  for (let at = 20; at < 200; at += 20) assert.equal(guard.admit(666, at), false);
  assert.equal(guard.admit(666, 200), true);
});

test('a new description lets a new SSRC in at once', () => {
  const guard = new SsrcGuard();
  guard.admit(1, 0);
  guard.forget();
  assert.equal(guard.admit(2, 10), true);
});
