import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ChannelView, ZoneView } from '@tocsin/protocol/views.ts';
import { channelLook, personLook, zoneLook } from './key-looks.ts';

const channel = (more: Partial<ChannelView>): ChannelView => ({
  id: 'c',
  state: 'idle',
  since: 0,
  bearer: 'vhf-uhf',
  queue: [],
  oneWayDelayMs: 60,
  ...more,
});
const zone = (more: Partial<ZoneView>): ZoneView => ({ id: 'z', state: 'idle', since: 0, hornsTotal: 6, ...more });

test('cyan is mine: a channel is on air only when this seat holds its floor', () => {
  assert.equal(channelLook(channel({ state: 'transmitting', holder: 'me' }), 'me').look, 'on-air');
  assert.equal(channelLook(channel({ state: 'transmitting', holder: 'other' }), 'me').look, 'in');
  assert.equal(channelLook(channel({ state: 'transmitting' }), undefined).look, 'in');
});

test('a zone that plays on some horns only is a warning', () => {
  assert.equal(zoneLook(zone({ state: 'playing', hornsPlaying: 6 })).look, 'in');
  assert.equal(zoneLook(zone({ state: 'playing', hornsPlaying: 4 })).look, 'warning');
});

test('what is not known is not shown as working', () => {
  assert.equal(channelLook(undefined, 'me').glyph, 'silent');
  assert.equal(zoneLook(undefined).glyph, 'silent');
  assert.equal(personLook(undefined).look, 'plain');
});
