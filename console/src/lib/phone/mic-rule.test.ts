import assert from 'node:assert/strict';
import { test } from 'node:test';
import { whoHears } from './mic-rule.ts';

const talk = { id: 'talk', isSideLine: false, isHeld: false };
const held = { id: 'held', isSideLine: false, isHeld: true };
const radio = { id: 'radio', isSideLine: true, isHeld: false };

test('the talk hears the microphone, a held call and a radio channel do not', () => {
  assert.deepEqual([...whoHears([talk, held, radio], { isMuted: false })], ['talk']);
});

test('while a side line is spoken on, nobody else hears it', () => {
  assert.deepEqual([...whoHears([talk, radio], { speaksOn: 'radio', isMuted: false })], ['radio']);
});

test('a muted microphone is muted for the talk, not for a key held down to speak', () => {
  assert.deepEqual([...whoHears([talk, radio], { isMuted: true })], []);
  assert.deepEqual([...whoHears([talk, radio], { speaksOn: 'radio', isMuted: true })], ['radio']);
});

test('a side line that is gone does not keep the microphone from the talk', () => {
  assert.deepEqual([...whoHears([talk], { speaksOn: 'radio', isMuted: false })], ['talk']);
});
