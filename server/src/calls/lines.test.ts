import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Site } from '@tocsin/protocol/directory.ts';
import { ManualClock } from '#kernel/clock.ts';
import { Lines } from './lines.ts';

const trunk = (id: string, lines: number, lineNames: { id: string }[] = []) => ({ id, lines, lineNames });
const linesOf = (trunks: object[], more: object = {}, clock = new ManualClock(), isOut = (_line?: string) => false) =>
  new Lines({ site: { trunks, ...more } as unknown as Site }, clock, {
    of: (trunk, line) => (isOut(line) ? { trunk, by: 'admin', because: 'work', sinceMs: 0 } : undefined),
  });

test('a trunk gives as many lines as it has, and takes each back once', () => {
  const lines = linesOf([trunk('carrier', 2)]);
  const first = lines.take('carrier');
  assert.ok(first && lines.take('carrier'));
  assert.equal(lines.take('carrier'), undefined);
  first.giveBack();
  first.giveBack();
  assert.equal(lines.free('carrier'), 1);
  assert.ok(lines.take('carrier'));
  assert.equal(lines.take('carrier'), undefined);
});

test('a trunk that the site does not have gives none', () => {
  assert.equal(linesOf([]).take('unknown'), undefined);
});

test('all trunks together give no more than the site’s capacity', () => {
  const lines = linesOf([trunk('a', 5), trunk('b', 5)], { capacity: { lines: 3 } });
  assert.ok(lines.take('a') && lines.take('a') && lines.take('b'));
  assert.equal(lines.take('b'), undefined);
  assert.equal(lines.free('a'), 0);
  assert.ok(lines.take(), 'phones of the house are not lines');
});

test('named lines are given one by one; what is used for what can be told', () => {
  const clock = new ManualClock();
  const lines = linesOf([trunk('fxo', 3, [{ id: 'p1' }, { id: 'p2' }])], {}, clock);
  const since = clock.now();
  assert.equal(lines.take('fxo', { direction: 'in', number: '138', line: 'p1' })?.line, 'p1');
  const second = lines.take('fxo', { direction: 'out', number: '139' });
  assert.equal(second?.line, 'p2');
  assert.deepEqual(lines.uses('fxo'), [
    { direction: 'in', number: '138', line: 'p1', sinceMs: since },
    { direction: 'out', number: '139', line: 'p2', sinceMs: since },
  ]);
  assert.deepEqual(Object.keys(lines.take('fxo') ?? {}), ['giveBack'], 'a third line that has no name');
});

test('a line that its gateway refused is given last for a minute', () => {
  const clock = new ManualClock();
  const lines = linesOf([trunk('fxo', 2, [{ id: 'p1' }, { id: 'p2' }])], {}, clock);
  lines.isOutOfOrder('fxo', 'p1');
  const [first, second] = [lines.take('fxo'), lines.take('fxo')];
  assert.deepEqual([first?.line, second?.line], ['p2', 'p1']);
  first?.giveBack();
  second?.giveBack();
  clock.advance(60_000);
  assert.equal(lines.take('fxo')?.line, 'p1');
});

test('a line out of service is given to no call out; calls in come by it as ever, and the calls on it go on', () => {
  const out = new Set<string | undefined>();
  const lines = linesOf([trunk('fxo', 2, [{ id: 'p1' }, { id: 'p2' }])], {}, new ManualClock(), (line) =>
    out.has(line),
  );
  assert.equal(lines.take('fxo')?.line, 'p1');
  out.add('p1').add('p2');
  assert.equal(lines.inUse('fxo'), 1);
  assert.equal(lines.take('fxo'), undefined);
  assert.equal(lines.take('fxo', { direction: 'in', number: '138', line: 'p2' })?.line, 'p2');
});
