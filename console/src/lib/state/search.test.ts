import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pinyin } from 'pinyin-pro';
import type { PersonEntry } from './directory.ts';
import { buildSearchIndex } from './search.ts';

const person = (id: string, zh: string, dial: string, organisation = 'a') =>
  ({ id, name: { zh }, title: '', organisation, numbers: [{ kind: 'mobile', dial }], deputies: [] }) as PersonEntry;
const index = buildSearchIndex(
  [person('zhy', '张海燕', '1006'), person('zm', '周明', '1003'), person('wjg', '王建国', '13900002101', 'b')],
  (unit) => (unit === 'b' ? '抢险一组' : '防办'),
  (name) => ({
    full: pinyin(name, { toneType: 'none', type: 'array' }).join(''),
    initials: pinyin(name, { pattern: 'first', toneType: 'none', type: 'array' }).join(''),
  }),
);
const found = (query: string) => index.find(query).map(({ id }) => id);

test('people are found by name, pinyin, initials, number and unit', () => {
  assert.deepEqual(found('海燕'), ['zhy']);
  assert.deepEqual(found('zhy'), ['zhy']);
  assert.deepEqual(found('zhouming'), ['zm']);
  assert.deepEqual(found('2101'), ['wjg']);
  assert.deepEqual(found('抢险'), ['wjg']);
  assert.deepEqual(found(''), []);
});

test('what begins with the words stands before what contains them', () => {
  assert.deepEqual(found('100').sort(), ['zhy', 'zm'].sort());
  assert.equal(found('zh')[0], 'zhy');
});
