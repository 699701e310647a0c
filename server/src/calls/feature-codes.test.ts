import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CallFeatures } from '@tocsin/protocol/features.ts';
import { featureOf, slotsOf } from './feature-codes.ts';

const features = CallFeatures.parse({});

test('codes are found with and without what may follow them', () => {
  assert.deepEqual(featureOf('*70', features), { feature: 'park', rest: '' });
  assert.deepEqual(featureOf('*8', features), { feature: 'pickUp', rest: '' });
  assert.deepEqual(featureOf('*81005', features), { feature: 'pickUp', rest: '1005' });
  assert.deepEqual(featureOf('*371005', features), { feature: 'campOn', rest: '1005' });
});

test('the longest code that fits has the number', () => {
  const own = CallFeatures.parse({ dialled: { pickUp: '*7', park: '*70' } });
  assert.deepEqual(featureOf('*705', own), { feature: 'park', rest: '5' });
  assert.deepEqual(featureOf('*75', own), { feature: 'pickUp', rest: '5' });
});

test('a code that needs a number is none without it, and ordinary numbers are none', () => {
  assert.equal(featureOf('*37', features), undefined);
  assert.equal(featureOf('1005', features), undefined);
  assert.equal(featureOf('7011', features), undefined);
});

test('the number of a slot takes back what is parked there', () => {
  assert.deepEqual(featureOf('703', features), { feature: 'retrieve', rest: '703' });
  assert.equal(featureOf('710', features), undefined);
  assert.deepEqual(slotsOf(CallFeatures.parse({ parking: { first: 80, slots: 2 } })), ['80', '81']);
});
