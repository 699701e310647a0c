import assert from 'node:assert/strict';
import { test } from 'node:test';
import { room, step } from '../test-room.ts';

const CONFERENCE = step('meet', 'conference', "people: ['group:leaders']");

test('a plan that opens an incident has its id from the first moment', async (t) => {
  const { start, conferences, ports, incidents } = await room(
    t,
    step('case', 'open-incident', 'level: 1') + CONFERENCE,
  );
  const seen: (string | undefined)[] = [];
  const open = ports.conferences.open;
  ports.conferences.open = (options) => (seen.push(options.incident), open(options));
  const run = await start();
  assert.ok(run.incident);
  assert.deepEqual([seen, incidents], [[run.incident], [run.incident]]);
  assert.equal(conferences.length, 1);
});
