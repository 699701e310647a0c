import type { DeviceAlarm } from '@tocsin/protocol/gateway.ts';
import { cry, over, type Report } from '../report.ts';

/** What the first letter of an event code is about (ANSI/SIA DC-03, annex A), where the second is A, H, R, S or T. */
const FAMILIES: Record<string, { kind: DeviceAlarm['kind']; name: string; level?: DeviceAlarm['level'] }> = {
  B: { kind: 'intrusion', name: 'burglary' },
  F: { kind: 'smoke', name: 'fire' },
  G: { kind: 'gas', name: 'gas' },
  H: { kind: 'one-key', name: 'hold-up', level: 1 },
  K: { kind: 'smoke', name: 'heat' },
  M: { kind: 'one-key', name: 'medical' },
  P: { kind: 'one-key', name: 'panic', level: 1 },
  Q: { kind: 'one-key', name: 'emergency' },
  S: { kind: 'smoke', name: 'sprinkler' },
  T: { kind: 'technical', name: 'tamper' },
  U: { kind: 'other', name: 'untyped zone' },
  W: { kind: 'water', name: 'water' },
  Z: { kind: 'other', name: 'freeze' },
};

/** Codes that do not follow their family. */
const CODES: Record<string, Report> = {
  AT: cry('technical', 'mains failed'),
  AR: over('technical', 'mains back'),
  HA: cry('one-key', 'hold-up', 1),
  JA: cry('one-key', 'duress code', 1),
  NA: cry('inactivity', 'no activity'),
  RP: { what: 'alive' },
  RX: cry('test', 'manual test'),
  TX: cry('test', 'test report'),
  XT: cry('technical', 'transmitter battery low'),
  XR: over('technical', 'transmitter battery well'),
  XL: cry('technical', 'receiver failed to hear a detector'),
  YT: cry('technical', 'system battery low'),
  YR: over('technical', 'system battery well'),
  YC: cry('technical', 'communication failed'),
  YK: over('technical', 'communication well'),
  YS: cry('technical', 'communication trouble'),
};

/** The meaning of a two-letter event code of ANSI/SIA DC-03; undefined for one that is not in its alphabet. */
export function readSiaCode(code: string): Report | undefined {
  if (!/^[A-Z]{2}$/.test(code)) return undefined;
  const own = CODES[code];
  if (own) return own;
  const family = FAMILIES[code[0]!];
  if (!family) return { what: 'information', text: code };
  const { kind, name, level } = family;
  switch (code[1]) {
    case 'A':
      return cry(kind, name, level);
    case 'H':
    case 'R':
      return over(kind, `${name} restored`);
    case 'T':
      return cry('technical', `${name} trouble`);
    case 'J':
      return over('technical', `${name} trouble restored`);
    case 'S':
      return cry('technical', `${name} supervisory`);
    case 'X':
      return cry('test', `${name} test`);
    default:
      return { what: 'information', text: code };
  }
}
