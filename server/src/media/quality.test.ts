import assert from 'node:assert/strict';
import { test } from 'node:test';
import { estimateMos } from './quality.ts';
import { Reception } from './reception.ts';

test('a clean line scores as the E-model says, loss and delay take from it', () => {
  assert.equal(estimateMos({ lossPercent: 0, delayMs: 0 }), 4.41);
  const scores = [0, 1, 3, 5, 10, 30, 100].map((lossPercent) => estimateMos({ lossPercent, delayMs: 50 }));
  assert.deepEqual(
    scores,
    scores.toSorted((a, b) => b - a),
  );
  assert.ok(scores[1]! > 4.2 && scores[3]! > 3.4 && scores[3]! < 4 && scores[6]! < 1.2, scores.join());
  assert.ok(estimateMos({ lossPercent: 0, delayMs: 400 }) < 3.5);
});

test('loss is told for the last five seconds, not for the whole call', () => {
  const reception = new Reception();
  for (let sequence = 0; sequence < 250; sequence += 1) if (sequence % 10 !== 3) reception.note(1, sequence, 160);
  reception.measureLoss(5000);
  assert.ok(Math.abs(reception.lossPercent - 10) < 0.1);
  for (let sequence = 250; sequence < 500; sequence += 1) reception.note(1, sequence, 160);
  reception.measureLoss(7000);
  assert.ok(reception.lossPercent > 9, 'not yet measured again');
  reception.measureLoss(10_000);
  assert.equal(reception.lossPercent, 0);
});
