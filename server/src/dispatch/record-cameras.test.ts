import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Emitter } from '#kernel/emitter.ts';
import { silentLog } from '#kernel/log.ts';
import type { Desk } from './desk.ts';
import { recordCamerasInRuns } from './record-cameras.ts';

test('an open camera is recorded while a run goes on, and no longer; what is recorded by hand goes on', () => {
  const feeds = Object.assign(new Emitter<{ happened: [object, { what: string }] }>(), {
    all: [feed('c1', 'camera'), feed('phone', 'person'), { ...feed('c2', 'camera'), recording: { id: 'by hand' } }],
    list: () => feeds.all,
    get: (id: string) => feeds.all.find((each) => each.id === id)!,
    find: (id: string) => feeds.all.find((each) => each.id === id),
  });
  const runs = Object.assign(new Emitter<{ changed: []; ended: [] }>(), {
    now: [] as { state: string }[],
    current: () => runs.now,
  });
  recordCamerasInRuns({ feeds, runs, log: silentLog } as unknown as Desk);
  const told = () => feeds.all.map(({ did }) => did.join(' '));
  feeds.emit('happened', { id: 'c1' }, { what: 'feed.live' });
  assert.deepEqual(told(), ['', '', ''], 'without a run nothing is recorded');
  runs.now = [{ state: 'running' }];
  runs.emit('changed');
  runs.emit('changed');
  assert.deepEqual(told(), ['start', '', '']);
  runs.now = [];
  runs.emit('ended');
  assert.deepEqual(told(), ['start stop', '', '']);
});

function feed(id: string, kind: string) {
  const did: string[] = [];
  return {
    ...{ id, owner: { kind }, state: 'live', did, recording: undefined as object | undefined },
    startRecording: () => Promise.resolve(void did.push('start')),
    stopRecording: () => Promise.resolve(void did.push('stop')),
  };
}
