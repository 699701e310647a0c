import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Reception } from './reception.ts';
import { middleNtp, readRtcp, writeReport } from './rtcp.ts';

test('a sender report comes back with what it says of us', () => {
  const packet = new Uint8Array(256);
  const wallClockMs = Date.UTC(2026, 10, 22, 10, 0, 0, 250);
  const length = writeReport(packet, {
    ssrc: 1,
    cname: 'abc',
    sender: { wallClockMs, timestamp: 160, packets: 5, octets: 800 },
    reception: {
      ssrc: 2,
      fractionLost: 12,
      lost: -3,
      extendedSequence: 70_000,
      jitterUnits: 33,
      lastSenderReport: 99,
      delaySinceLastSenderReportMs: 500,
    },
  });
  assert.equal(length % 4, 0);
  const found = readRtcp(packet, length, 2)!;
  assert.equal(found.senderReport, middleNtp(wallClockMs));
  assert.deepEqual(found.about, {
    fractionLost: 12,
    lost: -3,
    jitterUnits: 33,
    lastSenderReport: 99,
    delayUnits: 32_768,
  });
  assert.equal(readRtcp(packet, length, 3)!.about, undefined);
  assert.equal(readRtcp(packet, length - 1, 2), undefined, 'cut off');
});

test('a receiver report without a source is still a compound packet', () => {
  const packet = new Uint8Array(256);
  const length = writeReport(packet, { ssrc: 1, cname: 'x' });
  assert.deepEqual([packet[1], packet[9]], [201, 202]);
  assert.deepEqual(readRtcp(packet, length, 1), { hasBye: false });
});

test('loss is counted across the turn of the sequence number, and duplicates pay back', () => {
  const reception = new Reception();
  for (const sequence of [65_533, 65_534, 0, 1, 1, 3]) reception.note(7, sequence, 160);
  assert.equal(reception.extendedSequence, 65_536 + 3);
  assert.equal(reception.lost, 7 - 6);
  assert.equal(reception.takeFractionLost(), Math.floor(256 / 7));
  assert.equal(reception.takeFractionLost(), 0);
});

test('a new source keeps the loss of the one before', () => {
  const reception = new Reception();
  reception.note(1, 10, 160);
  reception.note(1, 13, 160);
  assert.equal(reception.note(2, 60_000, 160), true);
  assert.equal(reception.lost, 2);
});

test('jitter follows RFC 3550: steady arrival has none, 10 ms back and forth tends to 10 ms', () => {
  const reception = new Reception();
  for (let i = 0; i < 50; i += 1) reception.noteTransit(i * 160, i * 20);
  assert.equal(reception.jitterMs, 0);
  for (let i = 50; i < 250; i += 1) reception.noteTransit(i * 160, i * 20 + (i % 2) * 10);
  assert.ok(Math.abs(reception.jitterMs - 10) < 0.5, `${reception.jitterMs}`);
});
