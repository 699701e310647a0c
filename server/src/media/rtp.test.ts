import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isRtcp, readRtp, writeRtp } from './rtp.ts';

const plain = {
  payloadType: 8,
  hasMarker: true,
  sequence: 65_535,
  timestamp: 0xfffffff0,
  ssrc: 0xdeadbeef,
  payload: Uint8Array.of(1, 2, 3),
};

test('a packet that was written reads the same', () => {
  const packet = writeRtp(plain);
  const { payload, payloadType, hasMarker, sequence, timestamp, ssrc } = readRtp(packet)!;
  assert.deepEqual({ payloadType, hasMarker, sequence, timestamp, ssrc, payload }, plain);
});

test('CSRCs, header extension and padding are no part of the payload', () => {
  const head = writeRtp({ ...plain, payload: new Uint8Array(0) });
  head[0] = 0x80 | 0x20 | 0x10 | 2;
  const extension = [0xbe, 0xde, 0, 2, ...new Array<number>(8).fill(7)];
  const packet = Uint8Array.from([...head, ...new Array<number>(8).fill(9), ...extension, 1, 2, 3, 0, 0, 3]);
  assert.deepEqual([...readRtp(packet)!.payload], [1, 2, 3]);
});

test('packets whose lengths do not add up are no RTP', () => {
  const packet = writeRtp(plain);
  assert.equal(readRtp(packet.subarray(0, 11)), undefined);
  const versionOne = packet.slice();
  versionOne[0] = 0x40;
  assert.equal(readRtp(versionOne), undefined);
  const tooManyCsrcs = packet.slice();
  tooManyCsrcs[0] = 0x8f;
  assert.equal(readRtp(tooManyCsrcs), undefined);
  const tooLongExtension = packet.slice();
  tooLongExtension[0] = 0x90;
  assert.equal(readRtp(tooLongExtension), undefined);
  const paddedBeyond = packet.slice();
  paddedBeyond[0] = 0xa0;
  paddedBeyond[paddedBeyond.length - 1] = 200;
  assert.equal(readRtp(paddedBeyond), undefined);
});

test('no bytes whatever make the reader throw', () => {
  let seed = 1;
  for (let round = 0; round < 20_000; round += 1) {
    const packet = Uint8Array.from({ length: round % 40 }, () => (seed = (seed * 48_271) % 0x7fffffff) & 0xff);
    const rtp = readRtp(packet);
    if (rtp) assert.ok(rtp.payloadStart <= rtp.payloadEnd && rtp.payloadEnd <= packet.length);
  }
});

test('RTCP is told from RTP by its second byte', () => {
  const packet = new Uint8Array(8);
  packet[0] = 0x80;
  for (const [type, expected] of [
    [191, false],
    [192, true],
    [200, true],
    [223, true],
    [224, false],
  ] as const) {
    packet[1] = type;
    assert.equal(isRtcp(packet, 8), expected);
  }
});
