import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NumberPattern } from '@tocsin/protocol/routing.ts';
import { fits, rewrite } from './number-pattern.ts';

test('a pattern fits what it says and nothing else', () => {
  for (const [pattern, yes, no] of [
    ['12345', ['12345'], ['123456', '1234', '012345']],
    ['1[3-9]xxxxxxxxx', ['13800001111'], ['12800001111', '1380000111', '138000011112']],
    ['0571.', ['0571', '057188880000'], ['571', '10571']],
    ['+86.', ['+8613800001111'], ['8613800001111']],
    ['*[246]#', ['*2#', '*6#'], ['*3#', '2#']],
    ['.', ['', '1', '*#+'], []],
  ] as const) {
    assert.ok(NumberPattern.safeParse(pattern).success, pattern);
    for (const number of yes) assert.ok(fits(number, pattern), `${number} fits ${pattern}`);
    for (const number of no) assert.ok(!fits(number, pattern), `${number} does not fit ${pattern}`);
  }
});

test('what is no pattern is refused', () => {
  for (const text of ['', '1.2', '[a]', '[]', '138)', '(1+)+', '1\n2', '[1-', 'x'.repeat(50)])
    assert.ok(!NumberPattern.safeParse(text).success, JSON.stringify(text));
});

test('the first rule that fits is applied', () => {
  const rules = [
    { match: '00.', strip: 2, add: '+' },
    { match: '0.', strip: 1, add: '+86' },
  ];
  assert.equal(rewrite('0012065550000', rules), '+12065550000');
  assert.equal(rewrite('057188880000', rules), '+8657188880000');
  assert.equal(rewrite('110', rules), '110');
});
