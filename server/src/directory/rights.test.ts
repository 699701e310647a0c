import assert from 'node:assert/strict';
import { test } from 'node:test';
import { standsAbove } from './rights.ts';

const lead = { role: { rank: 2 }, organisations: new Set(['county', 'town']) };

test('a higher rank supervises a lower one of his own part of the tree', () => {
  assert.ok(standsAbove(lead, [{ rank: 1, organisation: 'town' }, { rank: 0 }]));
});

test('nobody supervises his equals, or those above', () => {
  assert.ok(!standsAbove(lead, [{ rank: 2, organisation: 'town' }]));
  assert.ok(!standsAbove(lead, [{ rank: 0 }, { rank: 3, organisation: 'county' }]));
});

test('the people of another branch of the tree are none of his business', () => {
  assert.ok(!standsAbove(lead, [{ rank: 0, organisation: 'province' }]));
});
