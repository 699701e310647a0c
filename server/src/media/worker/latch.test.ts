import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Latch } from './latch.ts';

const [SIGNALLED, NAT, STRANGER] = [1, 2, 3];

test('the signalled source is taken, and others then are refused', () => {
  const latch = new Latch();
  latch.signal(SIGNALLED, true);
  assert.equal(latch.judge(SIGNALLED, 0), 'accepted');
  assert.equal(latch.judge(STRANGER, 20), 'refused');
  assert.equal(latch.source, SIGNALLED);
});

test('a source behind NAT is latched on to before the signalled one was ever heard', () => {
  const latch = new Latch();
  latch.signal(SIGNALLED, true);
  assert.equal(latch.judge(NAT, 0), 'moved');
  assert.equal(latch.judge(NAT, 20), 'accepted');
  assert.equal(latch.judge(STRANGER, 40), 'refused');
});

test('a source that moves is followed after a second of silence, not before', () => {
  const latch = new Latch();
  latch.signal(SIGNALLED, true);
  latch.judge(SIGNALLED, 0);
  assert.equal(latch.judge(NAT, 900), 'refused');
  assert.equal(latch.judge(NAT, 1001), 'moved');
});

test('the signalled source wins over one that was latched', () => {
  const latch = new Latch();
  latch.signal(SIGNALLED, true);
  latch.judge(NAT, 0);
  assert.equal(latch.judge(SIGNALLED, 20), 'moved');
});

test('without permission to move only the signalled source is ever taken', () => {
  const latch = new Latch();
  latch.signal(SIGNALLED, false);
  assert.equal(latch.judge(NAT, 0), 'refused');
  assert.equal(latch.judge(SIGNALLED, 5000), 'accepted');
});

test('without a signalled address the first one is taken; signalling the same again keeps what was latched', () => {
  const latch = new Latch();
  latch.signal(undefined, true);
  assert.equal(latch.judge(NAT, 0), 'moved');
  latch.signal(undefined, true);
  assert.equal(latch.source, NAT);
  latch.signal(SIGNALLED, true);
  assert.equal(latch.source, SIGNALLED);
});
