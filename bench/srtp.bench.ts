/**
 * What SRTP costs a leg for each packet of 20 ms of G.711, beside what the leg costs anyway (`mixing`): to secure what it
 * sends, and to check and open what it receives. One thread, no sockets. Prints one JSON line.
 *
 *   node bench/srtp.bench.ts [packets]
 */
import { cpus } from 'node:os';
import { SrtpReceiver, SrtpSender, SRTP_OVERHEAD_BYTES, type SrtpSuite } from '../server/src/media/srtp.ts';

const PACKETS = Number(process.argv[2] ?? 100_000);
const ROUNDS = 5;
const key = new Uint8Array(30).map((_, i) => i * 7);

console.log(
  JSON.stringify({
    bench: 'srtp',
    machine: { cpu: cpus()[0]?.model, cores: cpus().length, node: process.version },
    method: `${PACKETS} packets of 172 bytes; CPU time of this process, median of ${ROUNDS} rounds`,
    suites: (['AES_CM_128_HMAC_SHA1_80', 'AES_CM_128_HMAC_SHA1_32'] as const).map(measure),
  }),
);

function measure(suite: SrtpSuite) {
  const rounds = Array.from({ length: ROUNDS }, () => {
    const [sender, receiver] = [new SrtpSender(suite, key), new SrtpReceiver(suite, key)];
    const packets = Array.from({ length: 1000 }, () => new Uint8Array(172 + SRTP_OVERHEAD_BYTES));
    let [protectUs, unprotectUs, opened] = [0, 0, 0];
    for (let n = 0; n < PACKETS; n += packets.length) {
      packets.forEach((packet, i) => {
        packet.set([0x80, 8, ((n + i) >> 8) & 255, (n + i) & 255, 0, 0, 0, 0, 1, 2, 3, 4]);
      });
      let before = process.cpuUsage();
      const lengths = packets.map((packet) => sender.protect(packet, 12, 172));
      let used = process.cpuUsage(before);
      protectUs += used.user + used.system;
      before = process.cpuUsage();
      packets.forEach((packet, i) => (opened += receiver.unprotect(packet, lengths[i]!) === 172 ? 1 : 0));
      used = process.cpuUsage(before);
      unprotectUs += used.user + used.system;
    }
    if (opened !== PACKETS) throw new Error(`${opened} of ${PACKETS} packets were opened`);
    return { protectUs: protectUs / PACKETS, unprotectUs: unprotectUs / PACKETS };
  });
  const median = (of: 'protectUs' | 'unprotectUs') =>
    Math.round(rounds.map((round) => round[of]).sort((a, b) => a - b)[ROUNDS >> 1]! * 100) / 100;
  return { suite, protectUs: median('protectUs'), unprotectUs: median('unprotectUs') };
}
