/**
 * A fuzzer without coverage, for the door: spoilt messages go to the parser and spoilt streams to the framer, which must
 * answer with a message or a complaint, never throw, and write what they took so that it reads the same again.
 *
 *   nice -n 19 node server/src/sip/message/fuzz.ts [rounds] [seed]
 */
import { readFileSync, readdirSync } from 'node:fs';

import { StreamFramer } from '../transport/stream-framer.ts';
import { parseDatagram } from './parse.ts';

const TORTURE = new URL('./torture/', import.meta.url);

/** Words that matter to the grammar; they are put where they do not belong. */
const WORDS = [
  '\r\n', '\r\n\r\n', '\n', '\r', ' ', '\t', ';', ',', '<', '>', '"', '\\', '@', ':', '[', ']', '%', '%00', '?', '=', '\0', '\xff',
  '\u00e9', 'SIP/2.0', 'sip:', 'sips:a@[::1]', 'tel:', 'Via: ', 'v:', 'Content-Length: 99999999999', 'l: 5', 'Contact: *', '*',
  ';tag=', ';branch=z9hG4bK', ';rport', 'CSeq: 4294967296 X', '-1', '0', '65536', 'Expires: 99999999999999999999', 'INVITE', '999',
  'Authorization: Digest ', 'nc=00000000', '=?', '"unclosed',
].map((word) => Buffer.from(word, 'latin1')); // prettier-ignore

/** xorshift32: millions of rounds must not wait for secure chance, and a seed must give the same rounds again. */
export function numbers(seed: number): (below: number) => number {
  let state = seed | 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

/** Spoils a copy of `bytes` in one to four places. */
export function spoil(bytes: Buffer, all: readonly Buffer[], below: (n: number) => number): Buffer {
  let spoilt = Buffer.from(bytes);
  for (let left = below(4); left >= 0; left -= 1) {
    const at = below(spoilt.length + 1);
    const end = Math.min(spoilt.length, at + 1 + below(below(8) === 0 ? 200 : 8));
    const head = spoilt.subarray(0, at);
    switch (below(6)) {
      case 0:
        if (at < spoilt.length) spoilt[at] = below(256);
        break;
      case 1:
        spoilt = Buffer.concat([head, WORDS[below(WORDS.length)]!, spoilt.subarray(at)]);
        break;
      case 2:
        spoilt = Buffer.concat([head, spoilt.subarray(end)]);
        break;
      case 3:
        spoilt = Buffer.concat([spoilt.subarray(0, end), spoilt.subarray(at)]);
        break;
      case 4:
        spoilt = Buffer.concat([head, WORDS[below(WORDS.length)]!, spoilt.subarray(end)]);
        break;
      case 5: {
        const other = all[below(all.length)]!;
        spoilt = Buffer.concat([head, other.subarray(below(other.length))]);
        break;
      }
    }
  }
  return spoilt;
}

export interface FuzzReport {
  rounds: number;
  taken: number;
  refused: number;
  failures: { round: number; why: string; input: string }[];
}

const FAILURES_KEPT = 20;

/** Runs `rounds` of spoilt input; the same seed gives the same rounds. */
export function fuzzMessages(rounds: number, seed: number): FuzzReport {
  const below = numbers(seed);
  const seeds = readdirSync(TORTURE).map((file) => readFileSync(new URL(file, TORTURE)));
  const report: FuzzReport = { rounds, taken: 0, refused: 0, failures: [] };
  for (let round = 0; round < rounds; round += 1) {
    const bytes = spoil(seeds[below(seeds.length)]!, seeds, below);
    try {
      if (round % 8 === 0) cutStream(bytes, below);
      if (checkDatagram(bytes)) report.taken += 1;
      else report.refused += 1;
    } catch (error) {
      const why = error instanceof Error ? (error.stack ?? error.message) : String(error);
      if (report.failures.length < FAILURES_KEPT) report.failures.push({ round, why, input: bytes.toString('base64') });
    }
  }
  return report;
}

/** True for a message, which must be written so that it reads the same again. */
function checkDatagram(bytes: Buffer): boolean {
  const parsed = parseDatagram(bytes);
  if (parsed.kind === 'bad') {
    if (parsed.status < 400 || parsed.status > 699) throw new Error(`refused with ${parsed.status}`);
    return false;
  }
  const written = parsed.message.toBuffer();
  const again = parseDatagram(written);
  if (again.kind === 'bad') throw new Error(`written anew it is refused: ${again.complaint}`);
  if (!again.message.toBuffer().equals(written)) throw new Error('written twice it differs');
  return true;
}

/** Whole or in pieces, a stream must be cut the same. */
function cutStream(bytes: Buffer, below: (n: number) => number): void {
  const whole = describe(new StreamFramer(), [bytes]);
  const at = below(bytes.length + 1);
  const pieces = describe(new StreamFramer(), [bytes.subarray(0, at), bytes.subarray(at)]);
  if (whole !== pieces) throw new Error(`the stream is cut otherwise in pieces: ${whole} or ${pieces}`);
}

function describe(framer: StreamFramer, chunks: Buffer[]): string {
  const frames: string[] = [];
  for (const chunk of chunks) {
    for (const frame of framer.push(chunk)) {
      if (frame.kind === 'message') frames.push(`${frame.head.length}+${frame.body.length}`);
      else if (frame.kind === 'broken') return [...frames, 'broken'].join(' ');
    }
  }
  return frames.join(' ');
}

if (import.meta.main) {
  const { rounds, taken, refused, failures } = fuzzMessages(
    Number(process.argv[2] ?? 1_000_000),
    Number(process.argv[3] ?? 1),
  );
  for (const { round, why, input } of failures) console.error(`round ${round}: ${why}\n  ${input}`);
  console.log(JSON.stringify({ rounds, taken, refused, failures: failures.length }));
  if (failures.length > 0) process.exitCode = 1;
}
