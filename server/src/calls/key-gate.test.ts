import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ManualClock } from '#kernel/clock.ts';
import { KeyGate } from './key-gate.ts';

function gate(codes: Record<string, string>) {
  const clock = new ManualClock();
  const said: string[] = [];
  const keys = new KeyGate({
    codes: new Map(Object.entries(codes)),
    clock,
    onCode: (meaning) => said.push(`(${meaning})`),
    letThrough: (through) => said.push(through),
  });
  const press = (pressed: string) => [...pressed].forEach((key) => keys.press(key));
  return { clock, press, said: () => said.join('') };
}

test('keys that belong to no code pass at once', () => {
  const { press, said } = gate({ '*1': 'blind' });
  press('17#');
  assert.equal(said(), '17#');
});

test('a whole code is told, and the far end hears none of its keys', () => {
  const { press, said } = gate({ '*1': 'blind', '*2': 'attended' });
  press('*2');
  press('5');
  assert.equal(said(), '(attended)5');
});

test('a star for a voice menu is let through when nothing follows it', () => {
  const { clock, press, said } = gate({ '*1': 'blind' });
  press('*');
  assert.equal(said(), '');
  clock.advance(1_500);
  assert.equal(said(), '*');
});

test('what turns out to be no code is let through in order, and may begin one', () => {
  const { press, said } = gate({ '*1': 'blind', '*70': 'park' });
  press('*75**1');
  assert.equal(said(), '*75*(blind)');
});

test('of a code that begins a longer one, the shorter counts when nothing follows', () => {
  const { clock, press, said } = gate({ '*7': 'short', '*70': 'long' });
  press('*7');
  clock.advance(1_500);
  press('*70');
  assert.equal(said(), '(short)(long)');
});
