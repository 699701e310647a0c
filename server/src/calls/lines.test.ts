import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Site } from '@tocsin/protocol/directory.ts';
import { Lines } from './lines.ts';

const site = { trunks: [{ id: 'carrier', name: { zh: '运营商' }, bearer: 'pstn', lines: 2 }] } as unknown as Site;

test('a trunk gives as many lines as it has, and takes each back once', () => {
  const lines = new Lines({ site });
  const first = lines.take('carrier');
  const second = lines.take('carrier');
  assert.ok(first && second);
  assert.equal(lines.take('carrier'), undefined);
  first();
  first();
  assert.equal(lines.free('carrier'), 1);
  assert.ok(lines.take('carrier'));
  assert.equal(lines.take('carrier'), undefined);
});

test('a trunk that the site does not have gives none', () => {
  assert.equal(new Lines({ site }).take('unknown'), undefined);
});
