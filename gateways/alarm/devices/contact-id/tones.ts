import { sine, toneLevelDb } from '@tocsin/server/media';
import { framesOf } from '../../../kit/babble.ts';

/** Times of the exchange in milliseconds (DC-05 §4). */
export const TIMES = {
  /** From answering to the handshake. */
  beforeHandshake: 700,
  handshakeTone: 100,
  handshakePause: 100,
  /** From the handshake to the first digit. */
  beforeDigits: 250,
  digit: 50,
  digitPause: 50,
  /** The kiss-off: long enough for a dialler that wants 750 ms. */
  kissOff: 850,
  /** A dialler takes so much of the tone for the kiss-off. */
  kissOffHeard: 400,
  /** A dialler waits so long for the kiss-off before it sends again. */
  kissOffWithin: 2500,
} as const;

export const HANDSHAKE_HZ = [1400, 2300] as const;
export const KISS_OFF_HZ = 1400;

const LOW_HZ = [697, 770, 852, 941];
const HIGH_HZ = [1209, 1336, 1477, 1633];
const KEYS = ['123A', '456B', '789C', '*0#D'];

const silence = (durationMs: number) => new Int16Array(durationMs * 8);
const LEVEL_DB = -12;

/** 1400 Hz and 2300 Hz, 100 ms each: "speak". */
export function handshake(): Uint8Array[] {
  const [first, second] = HANDSHAKE_HZ.map((hz) => sine({ hz, durationMs: TIMES.handshakeTone, levelDb: LEVEL_DB }));
  return framesOf(joined([first!, silence(TIMES.handshakePause), second!]));
}

/** "Understood." */
export function kissOff(): Uint8Array[] {
  return framesOf(sine({ hz: KISS_OFF_HZ, durationMs: TIMES.kissOff, levelDb: LEVEL_DB }));
}

/** Keys as sound, 50 ms each with 50 ms between. */
export function dialled(keys: string): Uint8Array[] {
  return framesOf(
    joined(
      [...keys].flatMap((key) => {
        const row = KEYS.findIndex((each) => each.includes(key));
        const hz = [LOW_HZ[row]!, HIGH_HZ[KEYS[row]!.indexOf(key)]!];
        return [sine({ hz, durationMs: TIMES.digit, levelDb: LEVEL_DB - 4 }), silence(TIMES.digitPause)];
      }),
    ),
  );
}

/** Whether 20 ms of sound are this tone. */
export function isTone(samples: Int16Array, hz: number): boolean {
  return toneLevelDb(samples, hz) > -25;
}

function joined(parts: Int16Array[]): Int16Array {
  const all = new Int16Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
