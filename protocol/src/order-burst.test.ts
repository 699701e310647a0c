import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  answerBurst,
  crc16,
  ORDER_ACTIONS,
  ORDER_LIMITS,
  orderBurst,
  orderCode,
  orderText,
  readBurst,
  readOrderCode,
  readOrderReply,
  type Order,
} from './order-burst.ts';

const order: Order = {
  id: 234_567,
  level: 1,
  action: 'evacuate',
  where: '石桥村',
  words: '14时前全员转移至岭背小学，老人优先，沿山路走',
  at: Date.UTC(2026, 10, 22, 5, 30),
};

test('an order is one short message of at most 70 characters, and says how to answer', () => {
  const fitted = orderText(order);
  assert.ok(fitted.kind === 'fits');
  assert.equal(fitted.form, '【7527】一级转移·石桥村:14时前全员转移至岭背小学，老人优先，沿山路走。收到回7527');
  assert.ok(fitted.form.length <= 70, `${fitted.form.length} characters`);
  assert.deepEqual(orderText({ ...order, words: '长'.repeat(60) }), { kind: 'too-long', overBy: 13 });
});

test('an order is one burst of at most 270 bytes, and comes back as it was', () => {
  const fitted = orderBurst(order);
  assert.ok(fitted.kind === 'fits' && fitted.form.length <= 270);
  assert.deepEqual(readBurst(fitted.form), { kind: 'order', order });
  assert.deepEqual(orderBurst({ ...order, words: '长'.repeat(84) }), { kind: 'too-long', overBy: 3 });
});

test('an answer is 11 bytes, and any bit that is hurt on the way is noticed', () => {
  const burst = answerBurst(order.id, 'refused', order.at);
  assert.equal(burst.length, 11);
  assert.deepEqual(readBurst(burst), { kind: 'answer', id: order.id, answer: 'refused', at: order.at });
  for (let bit = 0; bit < 88; bit++) {
    const hurt = Uint8Array.from(burst);
    hurt[bit >> 3]! ^= 1 << (bit & 7);
    assert.equal(readBurst(hurt), undefined, `bit ${bit}`);
  }
  // The check value of CRC-16/CCITT-FALSE.
  assert.equal(crc16(new TextEncoder().encode('123456789')), 0x29b1);
});

test('people answer as people do', () => {
  const id = readOrderCode('7527');
  assert.equal(id, order.id);
  for (const [text, answer] of [
    ['7527', 'received'],
    ['收到7527', 'received'],
    ['7527 无法前往，桥断', 'refused'],
    ['已完成 7527', 'done'],
    ['7527 no', 'refused'],
  ] as const)
    assert.deepEqual(readOrderReply(text), { id: order.id, answer }, text);
  assert.deepEqual(readOrderReply('7o2l'), { id: readOrderCode('7021'), answer: 'received' }, 'O for 0, l for 1');
  assert.equal(readOrderReply('好的'), undefined);
  assert.equal(readOrderReply('13800000000'), undefined);
});

test('every order that fits comes back as it was; any bytes are read or left', () => {
  const anyOrder = fc.record({
    id: fc.integer({ min: 0, max: ORDER_LIMITS.ids - 1 }),
    level: fc.constantFrom(1, 2, 3, 4) as fc.Arbitrary<Order['level']>,
    action: fc.constantFrom(...ORDER_ACTIONS.map(({ id }) => id)),
    where: fc.string({ unit: 'binary', maxLength: 30 }),
    words: fc.string({ unit: 'binary', maxLength: 100 }),
    at: fc.integer({ min: 0, max: 0xffff_ffff }).map((minutes) => minutes * 60_000),
  });
  fc.assert(
    fc.property(anyOrder, (one) => {
      const fitted = orderBurst(one);
      if (fitted.kind === 'fits') assert.deepEqual(readBurst(fitted.form), { kind: 'order', order: { ...one } });
      const text = orderText(one);
      if (text.kind === 'fits') assert.ok(text.form.length <= ORDER_LIMITS.smsCharacters);
      assert.equal(readOrderCode(orderCode(one.id)), one.id);
    }),
  );
  fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => void readBurst(bytes)));
  fc.assert(fc.property(fc.string(), (text) => void readOrderReply(text)));
});
