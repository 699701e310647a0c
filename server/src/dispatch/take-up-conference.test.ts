import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import type { Conferences } from '#calls/conferences.ts';
import type { KeptConference } from '#calls/kept-calls.ts';
import type { Leg } from '#calls/leg.ts';
import { Emitter } from '#kernel/emitter.ts';
import { DispatchError } from '#kernel/errors.ts';
import { silentLog } from '#kernel/log.ts';
import type { Timeline } from '#timeline/timeline.ts';
import { takeUpConference } from './take-up-conference.ts';

const KEPT = (more: Partial<KeptConference> = {}): KeptConference => ({
  id: 'conf-1',
  facts: { number: '8001', name: { zh: '会商' }, isDrill: false, isRecorded: false, openedBy: 'admin' },
  openedAt: 0,
  isLocked: false,
  isMutedAll: false,
  participants: ['leg-a', 'leg-b'].map((leg) => ({ leg, view: {} as never })),
  channels: ['vhf'],
  ...more,
});

/** A house with one channel, where `fails` tells what goes wrong with the conference. */
function house(fails: { open?: Error; join?: Error } = {}) {
  const told: string[] = [];
  const hungUp: string[] = [];
  const patches: string[] = [];
  const legs = new Map(
    ['leg-a', 'leg-b'].map((id) => [
      id,
      { id, party: { number: id }, hangUp: async (why: string) => void hungUp.push(`${id} ${why}`) } as unknown as Leg,
    ]),
  );
  const channel = Object.assign(new Emitter<{ changed: [] }>(), { id: 'vhf', isReady: true });
  const conference = Object.assign(new Emitter<{ ended: [] }>(), {
    id: 'conf-1',
    hasEnded: false,
    channels: { patch: async ({ id }: { id: string }) => (patches.push(id), { kind: 'patched' }) },
  });
  const desk = {
    log: silentLog,
    timeline: {
      append: async ({ kind, data }: { kind: string; data: Record<string, unknown> }) =>
        void told.push(`${kind} ${String(data['because'])}`),
    } as unknown as Timeline,
    conferences: {
      async takeUp() {
        if (fails.open) throw fails.open;
        return { conference, missing: fails.join ? [{ leg: legs.get('leg-b')!, error: fails.join }] : [] };
      },
      channel(id: string) {
        if (id !== 'vhf') throw new DispatchError('CHANNEL_UNKNOWN', id);
        return channel;
      },
    } as unknown as Conferences,
  };
  return { desk, legs, channel, conference, told, hungUp, patches };
}

test('a channel that was patched in comes in again once, and not after somebody has taken it out', async () => {
  const { desk, legs, channel, patches } = house();
  await takeUpConference(KEPT(), legs, desk);
  await setImmediate();
  assert.deepEqual(patches, ['vhf']);
  channel.emit('changed');
  await setImmediate();
  assert.deepEqual(patches, ['vhf']);
});

test('a channel whose gateway comes later is patched in then, unless the conference is over', async () => {
  const later = house();
  later.channel.isReady = false;
  await takeUpConference(KEPT(), later.legs, later.desk);
  assert.deepEqual(later.patches, []);
  later.channel.isReady = true;
  later.channel.emit('changed');
  await setImmediate();
  assert.deepEqual(later.patches, ['vhf']);

  const over = house();
  over.channel.isReady = false;
  await takeUpConference(KEPT(), over.legs, over.desk);
  over.conference.emit('ended');
  over.channel.isReady = true;
  over.channel.emit('changed');
  assert.deepEqual(over.patches, []);
});

test('a channel that the site has no longer is told, and the others of the conference do not suffer', async () => {
  const { desk, legs, told, patches, hungUp } = house();
  await takeUpConference(KEPT({ channels: ['hf', 'vhf'] }), legs, desk);
  await setImmediate();
  assert.deepEqual(told, ['conference.channel-not-taken-up CHANNEL_UNKNOWN']);
  assert.deepEqual(patches, ['vhf']);
  assert.deepEqual(hungUp, []);
});

test('who finds the conference full is let go with that reason', async () => {
  const { desk, legs, told, hungUp } = house({ join: new DispatchError('CONFERENCE_FULL', '8001') });
  await takeUpConference(KEPT(), legs, desk);
  assert.deepEqual(told, ['conference.participant-not-taken-up CONFERENCE_FULL']);
  assert.deepEqual(hungUp, ['leg-b conference-full']);
});

test('a conference that cannot be opened lets its legs go and keeps nobody from starting', async () => {
  const { desk, legs, told, hungUp } = house({ open: new Error('media thread has died') });
  await takeUpConference(KEPT(), legs, desk);
  assert.deepEqual(told, ['conference.not-taken-up INTERNAL']);
  assert.deepEqual(hungUp, ['leg-a signalling-lost', 'leg-b signalling-lost']);
});

test('two channels that were joined to one another are joined again, though nobody is beside; one alone is not', async () => {
  const two = house();
  await takeUpConference(KEPT({ participants: [], channels: ['vhf', 'vhf'] }), new Map(), two.desk);
  await setImmediate();
  assert.equal(two.patches.length, 2);
  const one = house();
  await takeUpConference(KEPT({ participants: [] }), new Map(), one.desk);
  assert.equal(one.patches.length, 0);
});
