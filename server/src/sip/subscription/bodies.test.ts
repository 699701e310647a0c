import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dialogInfo } from './bodies.ts';

test('a phone that rings is told of with what a Replaces needs, our tag as the local one', () => {
  const body = dialogInfo('sip:1006@house', 0, [
    {
      ...{ id: 'leg-1', state: 'early', direction: 'recipient', remote: 'sip:1002@house' },
      ids: { callId: 'a"b@house', localTag: 'ours', remoteTag: 'theirs' },
    },
  ]);
  assert.match(body, /<dialog id="leg-1" call-id="a&quot;b@house" local-tag="ours" remote-tag="theirs" direction/);
});
