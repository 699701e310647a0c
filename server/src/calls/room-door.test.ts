import assert from 'node:assert/strict';
import { test } from 'node:test';
import { askForPin } from './room-door.ts';

const ROOM = { pin: '4711', chairPin: '9999' };

async function knock(room: { pin?: string; chairPin?: string }, ...pressed: (string | undefined)[]) {
  const wrong: number[] = [];
  const asked: string[] = [];
  const admission = await askForPin(
    room,
    async ({ text }) => {
      asked.push(text);
      return pressed[asked.length - 1];
    },
    (tries) => wrong.push(tries),
  );
  return { admission, wrong, asked: asked.length };
}

test('a room without a PIN asks for nothing', async () => {
  assert.deepEqual(await knock({}), { admission: { kind: 'admitted', isChair: false }, wrong: [], asked: 0 });
});

test('the PIN lets in, the chair’s PIN makes a chair', async () => {
  assert.deepEqual((await knock(ROOM, '4711')).admission, { kind: 'admitted', isChair: false });
  assert.deepEqual((await knock(ROOM, '9999')).admission, { kind: 'admitted', isChair: true });
});

test('three wrong PINs, then out', async () => {
  const { admission, wrong, asked } = await knock(ROOM, '1', '', '4712', '4711');
  assert.deepEqual(admission, { kind: 'wrong-pin' });
  assert.deepEqual(wrong, [1, 2, 3]);
  assert.equal(asked, 3);
});

test('the right PIN at the third try lets in', async () => {
  assert.deepEqual((await knock(ROOM, '1', '2', '4711')).admission, { kind: 'admitted', isChair: false });
});

test('who presses nothing is gone', async () => {
  assert.deepEqual((await knock(ROOM, undefined)).admission, { kind: 'gone' });
});

test('a room with a chair’s PIN alone lets others in by the hash', async () => {
  assert.deepEqual((await knock({ chairPin: '9999' }, '')).admission, { kind: 'admitted', isChair: false });
  assert.deepEqual((await knock({ chairPin: '9999' }, '9999')).admission, { kind: 'admitted', isChair: true });
});
