import assert from 'node:assert/strict';
import { test } from 'node:test';
import { msUntil } from './morning-check.ts';

test('the check waits for the next time that the clock on the wall shows its hour', () => {
  const at = (hour: number, minute: number) => new Date(2026, 10, 22, hour, minute).getTime();
  assert.equal(msUntil('07:30', at(7, 0)), 30 * 60_000);
  assert.equal(msUntil('07:30', at(7, 30)), 24 * 3600_000);
  assert.equal(msUntil('00:05', at(23, 55)), 10 * 60_000);
});
