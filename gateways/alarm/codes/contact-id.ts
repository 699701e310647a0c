import { cry, over, type Report } from '../report.ts';

/** One event in Ademco's Contact ID (ANSI/SIA DC-05). */
export interface ContactId {
  /** 1 event, 3 restored, 6 reported before and still so. */
  qualifier: 1 | 3 | 6;
  /** Three digits. */
  code: string;
  partition: string;
  /** Zone, or user for events that people make. */
  zone: string;
}

/** Reads `QXYZ GG CCC` as DC-09 carries it; undefined when it is not that. */
export function readContactId(data: string): ContactId | undefined {
  const parts = /^([136])([0-9A-F]{3})[ ]?([0-9A-F]{2})[ ]?([0-9A-F]{3})$/i.exec(data.trim());
  if (!parts) return undefined;
  const [, qualifier, code, partition, zone] = parts as unknown as [string, string, string, string, string];
  return { qualifier: Number(qualifier) as 1 | 3 | 6, code: code.toUpperCase(), partition, zone };
}

/** First and last code, and what they mean (DC-05, event codes); the first row that fits counts. */
const MEANINGS: readonly [from: number, to: number, Report][] = [
  [102, 102, cry('inactivity', 'failed to report in')],
  [100, 109, cry('one-key', 'medical')],
  [113, 113, cry('smoke', 'water flow')],
  [114, 114, cry('smoke', 'heat')],
  [110, 119, cry('smoke', 'fire')],
  [120, 129, cry('one-key', 'panic', 1)],
  [137, 137, cry('technical', 'tamper')],
  [144, 145, cry('technical', 'tamper')],
  [130, 139, cry('intrusion', 'burglary')],
  [140, 143, cry('other', 'general alarm')],
  [146, 150, cry('other', 'general alarm')],
  [151, 151, cry('gas', 'gas')],
  [154, 154, cry('water', 'water leak')],
  [162, 162, cry('gas', 'carbon monoxide')],
  [152, 199, cry('other', 'alarm')],
  [200, 299, cry('technical', 'supervisory')],
  [300, 399, cry('technical', 'trouble')],
  [601, 601, cry('test', 'manual test')],
  [602, 602, { what: 'alive' }],
  [603, 603, { what: 'alive' }],
  [604, 605, cry('test', 'test')],
  [607, 607, cry('test', 'walk test')],
  [608, 608, cry('technical', 'periodic test, trouble present')],
];

/** What an event means. */
export function meaningOfContactId({ qualifier, code, partition, zone }: ContactId): Report {
  const number = Number(code);
  const found = MEANINGS.find(([from, to]) => number >= from && number <= to)?.[2];
  if (!found) return { what: 'information', text: `${qualifier}${code}` };
  if (found.what !== 'alarm') return found;
  const point = Number(zone) === 0 ? undefined : zone;
  const where = [Number(partition) !== 0 && `partition ${partition}`, point && `zone ${zone}`].filter(Boolean);
  const text = [found.text, ...where, code].join(' · ');
  return {
    ...(qualifier === 3 && found.kind !== 'test' ? over(found.kind, `${text} restored`) : { ...found, text }),
    ...(point && { point }),
  };
}
