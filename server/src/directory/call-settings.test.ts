import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CallSettings } from '@tocsin/protocol/call-settings.ts';
import { applyChange } from './call-settings.ts';

const NONE = CallSettings.parse({});

test('a change leaves alone what it does not name, and null takes a forwarding away', () => {
  const forwarded = applyChange(NONE, { forwardAlways: '1005', doNotDisturb: true });
  assert.equal(forwarded.forwardAlways, '1005');
  const quiet = applyChange(forwarded, { forwardAlways: null });
  assert.equal(quiet.forwardAlways, undefined);
  assert.equal(quiet.doNotDisturb, true);
});

test('a short code is set and taken away by itself', () => {
  const two = applyChange(applyChange(NONE, { speedDial: { '1': '1005' } }), { speedDial: { '22': '9110' } });
  assert.deepEqual(two.speedDial, { '1': '1005', '22': '9110' });
  assert.deepEqual(applyChange(two, { speedDial: { '1': null } }).speedDial, { '22': '9110' });
});

test('follow-me is switched on without its numbers being said again', () => {
  const numbers = [{ dial: '913800001005', afterS: 5, confirm: 'press-1' as const }];
  const on = applyChange(applyChange(NONE, { followMe: { numbers } }), { followMe: { isOn: true } });
  assert.deepEqual(on.followMe, { isOn: true, numbers });
});

test('more short codes than there is room for are refused', () => {
  const speedDial = Object.fromEntries(Array.from({ length: 100 }, (_, code) => [String(code), '1005']));
  const full = applyChange(NONE, { speedDial });
  assert.equal(Object.keys(full.speedDial).length, 100);
  assert.throws(() => applyChange(full, { speedDial: { '07': '1006' } }));
});
