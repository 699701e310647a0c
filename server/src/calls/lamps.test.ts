import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ManualClock } from '#kernel/clock.ts';
import type { BridgeNode } from '#media/bridge.ts';
import { LegBase } from './leg-base.ts';
import { Lamps } from './lamps.ts';

/** A leg without anything behind it. */
class BareLeg extends LegBase {
  readonly node: BridgeNode = { id: 'node' };
  go = (state: 'ringing' | 'answered') => this.moveTo(state);
  hold = (isHeld: boolean) => this.heldByPeer(isHeld);
  async sendDigits(): Promise<void> {}
  protected async release(): Promise<void> {}
  protected async free(): Promise<void> {}
}

function lampsOf1004() {
  const clock = new ManualClock();
  const lamps = new Lamps(clock);
  const told: string[] = [];
  lamps.on('changed', (account) => told.push(`${account} ${lamps.of(account).state}`));
  const leg = (direction: 'inbound' | 'outbound', other = '1002') => {
    const made = new BareLeg(`leg-${other}`, direction, { number: '1004', account: '1004' });
    lamps.follow('1004', made, other);
    return made;
  };
  return { clock, lamps, told, leg };
}

test('a phone that is called rings, talks, holds, and is free again', async () => {
  const { lamps, told, leg } = lampsOf1004();
  const called = leg('outbound');
  called.go('ringing');
  called.go('answered');
  called.hold(true);
  called.hold(false);
  await called.hangUp('callee-hung-up');
  assert.deepEqual(told, ['1004 idle', '1004 ringing', '1004 talking', '1004 held', '1004 talking', '1004 idle']);
  assert.ok(lamps.isFree('1004'));
});

test('the lamp of a phone with two calls shows the talk, and says with whom', () => {
  const { lamps, leg } = lampsOf1004();
  leg('outbound', '1002').go('answered');
  leg('outbound', '1005').go('ringing');
  assert.deepEqual(lamps.of('1004'), { state: 'talking', other: '1002', since: lamps.of('1004').since });
  assert.deepEqual(
    lamps
      .dialogs('1004', (number) => `sip:${number}@house`)
      .map(({ state, direction, remote }) => [state, direction, remote]),
    [
      ['confirmed', 'recipient', 'sip:1002@house'],
      ['early', 'recipient', 'sip:1005@house'],
    ],
  );
});

test('a phone that calls is not free before anybody answers', () => {
  const { lamps, leg } = lampsOf1004();
  const calling = leg('inbound');
  assert.equal(lamps.of('1004').state, 'calling');
  calling.go('ringing');
  assert.equal(lamps.of('1004').state, 'calling');
  assert.ok(!lamps.isFree('1004'));
});
