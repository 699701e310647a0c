import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CounterCipher } from './counter-cipher.ts';
import { writeReport } from './rtcp.ts';
import { writeRtp } from './rtp.ts';
import { deriveKey, SrtpReceiver, SrtpSender, SRTP_OVERHEAD_BYTES, type SrtpSuite } from './srtp.ts';

const hex = (text: string) => Uint8Array.from(Buffer.from(text.replaceAll(/\s/g, ''), 'hex'));
const text = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex').toUpperCase();
/** The master key and salt of RFC 3711 appendix B.3. */
const MASTER = hex('E1F97A0D3E018BE0D64FA32C06DE4139 0EC675AD498AFEEBB6960B3AABE6');
const SUITES: SrtpSuite[] = ['AES_CM_128_HMAC_SHA1_80', 'AES_CM_128_HMAC_SHA1_32'];

test('the key stream of RFC 3711 appendix B.2', () => {
  const cipher = new CounterCipher(hex('2B7E151628AED2A6ABF7158809CF4F3C'), hex('F0F1F2F3F4F5F6F7F8F9FAFBFCFD'));
  const stream = new Uint8Array(48);
  cipher.apply(stream, 0, 48, 0, 0);
  assert.equal(
    text(stream),
    'E03EAD0935C95E80E166B16DD92B4EB4D23513162B02D0F72A43A2FE4A5F97AB41E95B3BB0A2E8DD477901E4FCA894C0',
  );
  const long = new Uint8Array(0x101 * 16 - 2048);
  cipher.apply(long, 0, long.length, 0, 0);
  assert.equal(text(long.subarray(0, 16)), text(stream.subarray(0, 16)));
});

test('the keys of RFC 3711 appendix B.3', () => {
  assert.equal(text(deriveKey(MASTER, 0, 16)), 'C61E7A93744F39EE10734AFE3FF7A087');
  assert.equal(text(deriveKey(MASTER, 2, 14)), '30CBBC08863D8C85D49DB34A9AE1');
  assert.equal(text(deriveKey(MASTER, 1, 20)), 'CEBE321F6FF7716B6FD4AB49AF256A156D38BAA4');
});

test('a whole packet with those keys is what other implementations make of it', () => {
  const packet = new Uint8Array(28 + SRTP_OVERHEAD_BYTES);
  packet.set(hex('800f1234decafbadcafebabeabababababababababababababababab'));
  const length = new SrtpSender('AES_CM_128_HMAC_SHA1_80', MASTER).protect(packet, 12, 28);
  assert.equal(
    text(packet.subarray(0, length)),
    text(hex('800f1234decafbadcafebabe4e55dc4ce79978d88ca4d215949d2402b78d6acc99ea179b8dbb')),
  );
});

/** A packet with room behind it. */
function packetOf(sequence: number, ssrc = 7, bytes = 160): { packet: Uint8Array; length: number } {
  const rtp = writeRtp({
    payloadType: 8,
    sequence,
    timestamp: sequence * 160,
    ssrc,
    payload: new Uint8Array(bytes).fill(sequence),
  });
  const packet = new Uint8Array(rtp.length + SRTP_OVERHEAD_BYTES);
  packet.set(rtp);
  return { packet, length: rtp.length };
}

for (const suite of SUITES) {
  test(`packets go through, over the turn of the sequence numbers, lost and overtaken ones too (${suite})`, () => {
    const [sender, receiver] = [new SrtpSender(suite, MASTER), new SrtpReceiver(suite, MASTER)];
    const sent: { wire: Uint8Array; plain: Uint8Array }[] = [];
    // Bursts of twenty; what lies between them is lost on the way.
    for (let n = 0; n < 140_000; n += n % 10_000 === 19 ? 9981 : 1) {
      const { packet, length } = packetOf((60_000 + n) & 0xffff, 7, n % 40);
      const plain = packet.slice(0, length);
      sent.push({ wire: packet.slice(0, sender.protect(packet, 12, length)), plain });
    }
    for (let n = 0; n + 1 < sent.length; n += 4) [sent[n], sent[n + 1]] = [sent[n + 1]!, sent[n]!];
    for (const { wire, plain } of sent) {
      const length = receiver.unprotect(wire, wire.length);
      assert.equal(text(wire.subarray(0, Math.max(0, length))), text(plain));
    }
  });

  test(`what was changed, made up or sent again is refused, and what is right is taken after it (${suite})`, () => {
    const [sender, receiver] = [new SrtpSender(suite, MASTER), new SrtpReceiver(suite, MASTER)];
    const secure = (sequence: number) => {
      const { packet, length } = packetOf(sequence);
      return packet.slice(0, sender.protect(packet, 12, length));
    };
    const first = secure(5);
    for (const place of [1, 3, 8, 40, first.length - 1]) {
      const forged = first.slice();
      forged[place]! ^= 1;
      const before = text(forged);
      assert.equal(receiver.unprotect(forged, forged.length), -1);
      assert.equal(text(forged), before, 'a refused packet is left as it came');
    }
    const again = first.slice();
    assert.equal(receiver.unprotect(first, first.length), 172);
    assert.equal(receiver.unprotect(again, again.length), -1, 'the second time it is a replay');
    const old = secure(6);
    for (let n = 7; n < 140; n += 1) {
      const next = secure(n);
      assert.equal(receiver.unprotect(next, next.length), 172);
    }
    assert.equal(receiver.unprotect(old, old.length), -1, 'too old to be known');
    const plain = packetOf(141);
    assert.equal(receiver.unprotect(plain.packet, plain.length), -1, 'plain RTP');
    for (let length = 0; length < 30; length += 1) assert.equal(receiver.unprotect(new Uint8Array(64), length), -1);
    const other = new SrtpReceiver(
      suite,
      MASTER.map((byte, i) => (i === 20 ? byte ^ 1 : byte)),
    );
    const next = secure(150);
    assert.equal(other.unprotect(next, next.length), -1, 'another salt');
  });

  test(`RTCP goes through, once, and never in the clear (${suite})`, () => {
    const [sender, receiver] = [new SrtpSender(suite, MASTER), new SrtpReceiver(suite, MASTER)];
    const report = () => {
      const packet = new Uint8Array(256 + SRTP_OVERHEAD_BYTES);
      return { packet, length: writeReport(packet, { ssrc: 9, cname: 'somebody' }) };
    };
    for (let n = 0; n < 3; n += 1) {
      const { packet, length } = report();
      const plain = text(packet.subarray(0, length));
      const secured = sender.protectRtcp(packet, length);
      assert.equal(secured, length + 14);
      assert.notEqual(text(packet.subarray(8, length)), plain.slice(16));
      const again = packet.slice();
      assert.equal(receiver.unprotectRtcp(packet, secured), length);
      assert.equal(text(packet.subarray(0, length)), plain);
      assert.equal(receiver.unprotectRtcp(again, secured), -1);
    }
    const { packet, length } = report();
    assert.equal(receiver.unprotectRtcp(packet, length), -1);
  });
}
