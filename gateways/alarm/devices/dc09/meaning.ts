import { meaningOfContactId, readContactId } from '../../codes/contact-id.ts';
import { readSiaCode } from '../../codes/sia-codes.ts';
import type { Report } from '../../report.ts';
import type { Frame } from './frame.ts';

/** Events in one message. */
const EVENTS_AT_MOST = 32;

/** What a frame says; undefined when its id or its data are not of those that we understand: answered with DUH. */
export function meaningOf(frame: Frame): Report[] | undefined {
  switch (frame.id) {
    case 'NULL':
      return [{ what: 'alive' }];
    case 'ADM-CID': {
      const event = readContactId(frame.data);
      return event && [meaningOfContactId(event)];
    }
    case 'SIA-DCS':
      return readSiaData(frame.data);
    default:
      return undefined;
  }
}

/** The pieces of a data block: modifiers (`ri1`, `id12`, `ti10:23`), event codes with their address, texts. */
const PIECE =
  /(?<text>[*^]'?[^*^]*'?[*^]?(?:NM)?)|(?<modifier>[a-z]{2})(?<value>[^/A-Z*^]*)|(?<code>[A-Z]{2})(?<address>\d{0,5})|(?<other>.)/gs;

/** Reads `Nri1/BA01*front door*…` (ANSI/SIA DC-07 data blocks, DC-03 codes). */
function readSiaData(data: string): Report[] | undefined {
  const reports: Report[] = [];
  let area = '';
  const body = /^[NO]/.test(data) ? data.slice(1) : data;
  for (const { groups } of body.matchAll(PIECE)) {
    const { text, modifier, value, code, address } = groups as Record<string, string | undefined>;
    if (modifier === 'ri') area = value ?? '';
    const last = reports.at(-1);
    if (text !== undefined && last?.what === 'alarm') {
      const said = text.replace(/NM$/, '').replaceAll(/[*^']/g, '').trim();
      if (said) reports[reports.length - 1] = { ...last, text: `${last.text} · ${said}`.slice(0, 500) };
    }
    if (code === undefined) continue;
    const meaning = readSiaCode(code);
    if (!meaning) return undefined;
    if (reports.length >= EVENTS_AT_MOST) return undefined;
    reports.push(meaning.what === 'alarm' ? located(meaning, area, address ?? '', code) : meaning);
  }
  return reports.length > 0 ? reports : undefined;
}

function located(meaning: Extract<Report, { what: 'alarm' }>, area: string, address: string, code: string): Report {
  const hasZone = address !== '' && Number(address) !== 0;
  const where = [area && Number(area) !== 0 && `area ${area}`, hasZone && `zone ${Number(address)}`].filter(Boolean);
  return {
    ...meaning,
    text: [meaning.text, ...where, code].join(' · '),
    ...(hasZone && { point: [area, address].filter(Boolean).join('-') }),
  };
}

/** The place in the blocks `[X119E25.340]` and `[Y30N12.740]`: degrees, hemisphere, minutes (DC-09 §5.4.6). */
export function placeOf({ extended }: Pick<Frame, 'extended'>): { latitude: number; longitude: number } | undefined {
  const longitude = degrees(extended, /^X(\d{1,3})([EW])(\d{1,2}(?:\.\d{1,8})?)$/, 'W');
  const latitude = degrees(extended, /^Y(\d{1,2})([NS])(\d{1,2}(?:\.\d{1,8})?)$/, 'S');
  if (longitude === undefined || latitude === undefined) return undefined;
  return Math.abs(longitude) <= 180 && Math.abs(latitude) <= 90 ? { latitude, longitude } : undefined;
}

function degrees(blocks: string[], pattern: RegExp, negative: string): number | undefined {
  for (const block of blocks) {
    const found = pattern.exec(block);
    if (!found) continue;
    const value = Number(found[1]) + Number(found[3]) / 60;
    return Math.round((found[2] === negative ? -value : value) * 1e6) / 1e6;
  }
  return undefined;
}
