import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hanNumber, stretchesOf } from './spoken-text.ts';

const zh = (text: string) =>
  stretchesOf(text, 'zh')
    .map(({ text: piece }) => piece)
    .join('|');
const en = (text: string) =>
  stretchesOf(text, 'en')
    .map(({ text: piece }) => piece)
    .join('|');

test('whole numbers are read in Chinese as people read them', () => {
  const cases = {
    0: '零',
    10: '十',
    15: '十五',
    20: '二十',
    105: '一百零五',
    110: '一百一十',
    1005: '一千零五',
    1050: '一千零五十',
    10_000: '一万',
    10_005: '一万零五',
    100_500: '十万零五百',
    12_345_678: '一千二百三十四万五千六百七十八',
    100_000_001: '一亿零一',
  };
  for (const [number, words] of Object.entries(cases)) assert.equal(hanNumber(number), words);
});

test('levels, percentages, temperatures and flows are worded', () => {
  assert.equal(zh('水位123.5米'), '水位一百二十三点五米');
  assert.equal(zh('水位已达 123.5 m，超警戒'), '水位已达 一百二十三点五米,超警戒');
  assert.equal(zh('下泄流量 1200m³/s'), '下泄流量 一千二百立方米每秒');
  assert.equal(zh('开度50%'), '开度百分之五十');
  assert.equal(zh('气温-5℃'), '气温零下五摄氏度');
  assert.equal(en('Level 123.5 m'), 'Level 123.5  metres');
  assert.equal(en('Flow 1200 m³/s'), 'Flow 1200  cubic metres per second');
});

test('dates and times are worded', () => {
  assert.equal(zh('2026年11月22日10:30'), '二零二六年十一月二十二日十点三十分');
  assert.equal(zh('2026-11-22 08:05'), '二零二六年十一月二十二日 八点零五分');
  assert.equal(zh('10:00集合'), '十点整集合');
});

test('telephone numbers are read digit by digit', () => {
  assert.equal(zh('请拨打12345'), '请拨打一二三四五');
  assert.equal(zh('拨打119'), '拨打一一九');
  assert.equal(zh('电话：0571-88001234'), '电话:零五七一-八八零零一二三四');
  assert.equal(en('Call 12345 now'), 'Call 1 2 3 4 5 now');
});

test('Latin words in Chinese text get the English voice, in order', () => {
  assert.deepEqual(stretchesOf('启动预案Plan B，立即撤离', 'zh'), [
    { language: 'zh', text: '启动预案' },
    { language: 'en', text: 'Plan B,' },
    { language: 'zh', text: '立即撤离' },
  ]);
  assert.deepEqual(
    stretchesOf('Meet at 大坝 now', 'en').map(({ language }) => language),
    ['en', 'zh', 'en'],
  );
});

test('text without anything to say has no stretches', () => {
  assert.deepEqual(stretchesOf('… !!', 'zh'), []);
});
