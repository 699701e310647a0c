import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KeyPairs } from './conference-keys.ts';

const press = (keys: string) => {
  const pairs = new KeyPairs();
  return [...keys].map((key) => pairs.press(key)).filter((act) => act !== undefined);
};

test('a star and a digit are one act, and nothing else is', () => {
  assert.deepEqual(press('*9'), ['hand']);
  assert.deepEqual(press('9'), []);
  assert.deepEqual(press('*1'), []);
  assert.deepEqual(press('**9'), ['hand']);
  assert.deepEqual(press('*9*9'), ['hand', 'hand']);
  assert.deepEqual(press('*59'), ['mute-all']);
});
