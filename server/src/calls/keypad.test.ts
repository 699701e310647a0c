import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ManualClock } from '#kernel/clock.ts';
import { Emitter } from '#kernel/emitter.ts';
import type { Aside } from './aside.ts';
import { Keypad } from './keypad.ts';
import type { Leg, LegEvents } from './leg.ts';

/** A leg whose keys the test presses, at a door whose words take two seconds. */
function door() {
  const clock = new ManualClock();
  const leg = new Emitter<LegEvents>();
  Object.assign(leg, { state: 'answered', ended: new Promise(() => {}) });
  let stop = () => {};
  const stopped: number[] = [];
  const aside = {
    play: () =>
      new Promise<void>((resolve) => {
        const timer = clock.after(2000, resolve);
        stop = () => {
          timer.cancel();
          stopped.push(clock.monotonic());
          resolve();
        };
      }),
    stop: async () => stop(),
  } as unknown as Aside;
  const engine = { speak: async () => ({ file: 'words.wav', durationMs: 2000 }) } as never;
  const keypad = new Keypad(leg as unknown as Leg, { aside, engine, clock });
  const press = (keys: string) => [...keys].forEach((key) => leg.emit('digit', key));
  const pass = async (ms: number) => {
    for (let passed = 0; passed < ms; passed += 500) {
      for (let turn = 0; turn < 10; turn += 1) await new Promise((resolve) => setImmediate(resolve));
      clock.advance(500);
    }
    for (let turn = 0; turn < 10; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  };
  const ask = () => {
    const answer: { keys?: string | undefined; isGiven: boolean } = { isGiven: false };
    void keypad.ask({ text: '?', language: 'zh' }).then((keys) => Object.assign(answer, { keys, isGiven: true }));
    return answer;
  };
  return { press, pass, ask, stopped };
}

test('keys up to the hash are the answer, and the first ends the words', async () => {
  const { press, pass, ask, stopped } = door();
  const answer = ask();
  await pass(500);
  press('4711#');
  await pass(500);
  assert.deepEqual(answer, { isGiven: true, keys: '4711' });
  assert.ok(stopped.length > 0, 'the words were stopped');
});

test('keys pressed ahead of the next question are its answer', async () => {
  const { press, pass, ask } = door();
  const first = ask();
  await pass(500);
  press('1#22#');
  await pass(500);
  assert.equal(first.keys, '1');
  const second = ask();
  await pass(500);
  assert.equal(second.keys, '22');
});

test('a pause ends the number; without any key there is no answer', async () => {
  const { press, pass, ask } = door();
  const answer = ask();
  await pass(500);
  press('47');
  await pass(6000);
  assert.deepEqual(answer, { isGiven: true, keys: '47' });
  const none = ask();
  await pass(11_000);
  assert.equal(none.isGiven, false, 'the time begins when the words have ended');
  await pass(2000);
  assert.deepEqual(none, { isGiven: true, keys: undefined });
});
