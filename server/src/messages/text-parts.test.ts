import assert from 'node:assert/strict';
import { test } from 'node:test';
import { textParts } from './text-parts.ts';

test('a Chinese text of 70 characters is one message, of 71 two', () => {
  assert.deepEqual(textParts('水'.repeat(70)), { alphabet: 'ucs-2', length: 70, parts: 1 });
  assert.equal(textParts('水'.repeat(71)).parts, 2);
  assert.equal(textParts('水'.repeat(135)).parts, 3);
});

test('an English text of 160 characters is one message, and braces count twice', () => {
  assert.deepEqual(textParts('x'.repeat(160)), { alphabet: 'gsm-7', length: 160, parts: 1 });
  assert.equal(textParts(`${'x'.repeat(159)}{`).parts, 2);
});
