import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keyName } from './keys.ts';

const press = (key: string, code: string, held: Partial<KeyboardEvent> = {}) =>
  keyName({ key, code, shiftKey: false, ctrlKey: false, altKey: false, metaKey: false, ...held });

test('a key is named by what it writes, a held plan key by its digit on any layout', () => {
  assert.equal(press('k', 'KeyK'), 'k');
  assert.equal(press('K', 'KeyK', { shiftKey: true }), 'k');
  assert.equal(press('!', 'Digit1', { shiftKey: true }), 'Shift+1');
  assert.equal(press('?', 'Slash', { shiftKey: true }), '?');
  assert.equal(press(' ', 'Space'), 'Space');
  assert.equal(press('F2', 'F2'), 'F2');
});

test('the browser keeps its own combinations; the right Control is push to talk', () => {
  assert.equal(press('c', 'KeyC', { ctrlKey: true }), '');
  assert.equal(press('Control', 'ControlRight', { ctrlKey: true }), 'RightControl');
  assert.equal(press('Control', 'ControlLeft', { ctrlKey: true }), 'Control');
});
