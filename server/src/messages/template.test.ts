import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DispatchError } from '#kernel/errors.ts';
import { fillTemplate, type TemplateFacts } from './template.ts';
import { threadKey } from './thread-key.ts';

const facts: TemplateFacts = {
  recipient: { name: '何建军', title: '村支书', number: '13800006012' },
  sender: '陈思远',
  site: '岚溪水库防汛指挥中心',
  atMs: new Date(2026, 6, 3, 4, 5).getTime(),
  values: { 水位: '86.40' },
};

test('a template is filled in for each recipient', () => {
  assert.equal(
    fillTemplate('{姓名}{职务}：{时间} 水位 {水位} 米。{sender}', facts),
    '何建军村支书：04:05 水位 86.40 米。陈思远',
  );
  assert.equal(fillTemplate('{date} {}', facts), '2026-07-03 {}');
});

test('a word that nobody has given, or that is empty, is refused by name', () => {
  const refused = (text: string) =>
    assert.throws(
      () => fillTemplate(text, facts),
      (error: unknown) => error instanceof DispatchError && error.code === 'TEXT_WORD_MISSING',
    );
  refused('等级 {level}');
  assert.throws(() => fillTemplate('{title}', { ...facts, recipient: { ...facts.recipient, title: '' } }));
});

test('one number is one conversation, however its network writes it', () => {
  for (const number of ['13811112222', '+8613811112222', '8613811112222', '008613811112222', '138-1111-2222'])
    assert.equal(threadKey(number), '13811112222');
  assert.equal(threadKey('10690001'), '10690001');
  assert.equal(threadKey('+4915112345678'), '4915112345678');
});
