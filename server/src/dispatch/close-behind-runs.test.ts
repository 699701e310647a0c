import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RunView } from '@tocsin/protocol/views.ts';
import { Emitter } from '#kernel/emitter.ts';
import { closeBehindRuns } from './close-behind-runs.ts';
import type { Desk } from './desk.ts';

test('a conference closes behind its last when its run is over, also one that was over before the start', () => {
  const closed: string[] = [];
  const conference = (id: string, run?: string) => ({
    facts: run ? { run } : {},
    closeBehindLast: () => void closed.push(id),
  });
  let running = ['run-1', 'run-2'];
  const runs = Object.assign(new Emitter<{ ended: [RunView] }>(), {
    current: () => running.map((id) => ({ id, state: 'running' })),
  });
  const conferences = {
    all: () => [
      conference('of-run-1', 'run-1'),
      conference('of-run-2', 'run-2'),
      conference('old', 'run-0'),
      conference('by-hand'),
    ],
  };
  closeBehindRuns({ runs, conferences } as unknown as Desk);
  assert.deepEqual(closed, ['old']);
  running = ['run-2'];
  runs.emit('ended', {} as RunView);
  assert.deepEqual(closed, ['old', 'of-run-1', 'old']);
});
