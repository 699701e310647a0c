import { FUNCTIONS, type UpFrame } from './frame.ts';

/** One value of one element at one time. */
export interface Observation {
  /** Two hexadecimal digits: `39` level of a river, `20` rain … (SL 651, table C.1). */
  element: string;
  value: number;
  /** ms since 1970. */
  at: number;
}

/** What the body of a report says. */
export interface Report {
  /** Four hexadecimal digits; the answer carries it. */
  serial: string;
  /** When it was sent. */
  at: number;
  observations: Observation[];
  /** Alarm and state bits of the station (element 45), where it sent them. */
  status?: number;
  voltage?: number;
  /** Something at its end could not be read, and was left. */
  isPartial: boolean;
}

export const OBSERVATIONS_AT_MOST = 2000;

/** Names in character frames, by the code in octet frames (SL 651, annex C). */
const NAMES: Record<string, string> = {
  P1: '1a',
  PD: '1f',
  PJ: '20',
  PN05: '22',
  PT: '26',
  Q: '27',
  VT: '38',
  Z: '39',
  ZB: '3a',
  ZU: '3b',
};
const VOLTAGE = '38';
const STATUS = '45';
/** Twelve values of five minutes: rain in 0.1 mm, levels in 0.01 m. */
const LISTS: Record<string, { octets: 1 | 2; scale: number }> = {
  f4: { octets: 1, scale: 10 },
  f5: { octets: 2, scale: 100 },
  f6: { octets: 2, scale: 100 },
  f7: { octets: 2, scale: 100 },
  f8: { octets: 2, scale: 100 },
  f9: { octets: 2, scale: 100 },
  fa: { octets: 2, scale: 100 },
  fb: { octets: 2, scale: 100 },
  fc: { octets: 2, scale: 100 },
};
const FIVE_MINUTES_MS = 5 * 60_000;

/** Reads the body of a report; undefined when it has no serial number and time. `utcOffsetHours`: of the station's clock. */
export function readReport(
  frame: Pick<UpFrame, 'coding' | 'body' | 'function'>,
  utcOffsetHours: number,
): Report | undefined {
  return frame.coding === 'hex' ? readHexBody(frame, utcOffsetHours) : readAsciiBody(frame.body, utcOffsetHours);
}

// --- octets ---

function readHexBody(
  { body, function: code }: Pick<UpFrame, 'body' | 'function'>,
  utcOffsetHours: number,
): Report | undefined {
  if (body.length < 8) return undefined;
  const at = timeOf(body.toString('hex', 2, 8), utcOffsetHours);
  if (at === undefined) return undefined;
  const report: Report = { serial: body.toString('hex', 0, 2), at, observations: [], isPartial: false };
  if (code === FUNCTIONS.linkMaintenance) return report;
  new HexReader(body, 8, report, utcOffsetHours).read();
  return report;
}

class HexReader {
  readonly #body: Buffer;
  readonly #report: Report;
  readonly #utcOffsetHours: number;
  #at: number;
  /** Of the values that follow, and how far apart they are. */
  #observedAt: number;
  #stepMs: number | undefined;

  constructor(body: Buffer, at: number, report: Report, utcOffsetHours: number) {
    this.#body = body;
    this.#at = at;
    this.#report = report;
    this.#utcOffsetHours = utcOffsetHours;
    this.#observedAt = report.at;
  }

  read(): void {
    while (this.#at + 2 <= this.#body.length) {
      if (this.#report.observations.length >= OBSERVATIONS_AT_MOST || !this.#next()) {
        this.#report.isPartial = true;
        return;
      }
    }
  }

  /** One element; false when it is none that has an end. */
  #next(): boolean {
    const body = this.#body;
    const element = body.toString('hex', this.#at, this.#at + 1);
    if (element === 'f1' && body[this.#at + 1] === 0xf1) return this.#skip(2 + 5 + 1);
    if (element === 'f0' && body[this.#at + 1] === 0xf0) return this.#observed();
    // The letters of pictures, of manual words and of flow profiles go on to the end.
    if (element === 'f2' || element === 'f3' || element === 'fd') return false;
    const isExtended = element === 'ff';
    const definitionAt = this.#at + (isExtended ? 2 : 1);
    const definition = body[definitionAt];
    if (definition === undefined) return false;
    const [octets, decimals] = [definition >> 3, definition & 7];
    const from = definitionAt + 1;
    if (octets === 0 || from + octets > body.length) return false;
    if (element === '04') {
      this.#stepMs = stepOf(body.toString('hex', from, from + octets));
      this.#at = from + octets;
      return this.#stepMs !== undefined;
    }
    const name = isExtended ? body.toString('hex', this.#at, this.#at + 2) : element;
    if (LISTS[name]) this.#takeList(name, from, octets);
    else if (this.#stepMs !== undefined && name !== VOLTAGE) return this.#takeSeries(name, from, octets, decimals);
    else this.#take(name, from, octets, decimals, this.#observedAt);
    this.#at = from + octets;
    return true;
  }

  #skip(octets: number): boolean {
    this.#at += octets;
    return this.#at <= this.#body.length;
  }

  #observed(): boolean {
    const at = timeOf(`${this.#body.toString('hex', this.#at + 2, this.#at + 7)}00`, this.#utcOffsetHours);
    if (at === undefined) return false;
    this.#observedAt = at;
    return this.#skip(7);
  }

  #take(element: string, from: number, octets: number, decimals: number, at: number): void {
    if (element === STATUS && octets === 4) {
      this.#report.status = this.#body.readUInt32BE(from);
      return;
    }
    const value = decimalOf(this.#body.subarray(from, from + octets), decimals);
    if (value === undefined) return;
    if (element === VOLTAGE) this.#report.voltage = value;
    else this.#report.observations.push({ element, value, at });
  }

  #takeList(element: string, from: number, octets: number): void {
    const { octets: size, scale } = LISTS[element]!;
    // The last of the twelve is at the time of observation.
    const count = Math.floor(octets / size);
    for (let index = 0; index < count; index += 1) {
      const value = this.#body.readUIntBE(from + index * size, size);
      if (value === 256 ** size - 1) continue;
      const at = this.#observedAt - (count - 1 - index) * FIVE_MINUTES_MS;
      this.#report.observations.push({ element, value: value / scale, at });
    }
  }

  /** Values at equal steps, up to the end or to a voltage that ends the body. */
  #takeSeries(element: string, from: number, octets: number, decimals: number): boolean {
    const left = this.#body.length - from;
    const endsWithVoltage =
      left >= 4 && (left - 4) % octets === 0 && this.#body.readUInt16BE(this.#body.length - 4) === 0x3812;
    const end = endsWithVoltage ? this.#body.length - 4 : this.#body.length;
    for (let index = 0; from + (index + 1) * octets <= end; index += 1) {
      if (this.#report.observations.length >= OBSERVATIONS_AT_MOST) return false;
      this.#take(element, from + index * octets, octets, decimals, this.#observedAt + index * this.#stepMs!);
    }
    this.#at = end;
    this.#stepMs = undefined;
    return true;
  }
}

/** BCD with so many decimals. FF in front makes it negative; nothing but FF or AA is no value. */
function decimalOf(bytes: Uint8Array, decimals: number): number | undefined {
  const hex = Buffer.from(bytes).toString('hex');
  if (/^(?:f+|a+)$/.test(hex)) return undefined;
  const isNegative = hex.startsWith('ff');
  const digits = isNegative ? hex.slice(2) : hex;
  if (!/^\d+$/.test(digits)) return undefined;
  const value = Number(digits) / 10 ** decimals;
  return isNegative ? -value : value;
}

/** `ddHHmm` in BCD: days, hours, minutes. */
function stepOf(hex: string): number | undefined {
  if (!/^\d{6}$/.test(hex)) return undefined;
  const [days, hours, minutes] = [hex.slice(0, 2), hex.slice(2, 4), hex.slice(4, 6)].map(Number) as [
    number,
    number,
    number,
  ];
  const ms = ((days * 24 + hours) * 60 + minutes) * 60_000;
  return ms > 0 ? ms : undefined;
}

/** `yyMMddHHmmss` on the station's clock. */
function timeOf(digits: string, utcOffsetHours: number): number | undefined {
  if (!/^\d{12}$/.test(digits)) return undefined;
  const [year, month, day, hour, minute, second] = digits.match(/../g)!.map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  if (month < 1 || month > 12 || day < 1 || day > 31 || hour > 23 || minute > 59 || second > 59) return undefined;
  return Date.UTC(2000 + year, month - 1, day, hour, minute, second) - utcOffsetHours * 3600_000;
}

// --- characters ---

/** `serial time ST station class TT time name value name value …`, with blanks between. */
function readAsciiBody(body: Buffer, utcOffsetHours: number): Report | undefined {
  const text = body.toString('latin1');
  const head = /^([0-9A-Fa-f]{4})(\d{12})/.exec(text);
  const at = head && timeOf(head[2]!, utcOffsetHours);
  if (!head || at === undefined || at === null) return undefined;
  const report: Report = { serial: head[1]!.toLowerCase(), at, observations: [], isPartial: false };
  const words = text
    .slice(16)
    .trim()
    .split(/\s+/)
    .filter(Boolean)
    .slice(0, OBSERVATIONS_AT_MOST * 2);
  let observedAt = at;
  for (let index = 0; index < words.length; index += 1) {
    const name = words[index]!.toUpperCase();
    const word = words[index + 1] ?? '';
    if (name === 'ST') {
      index += 2;
      continue;
    }
    index += 1;
    if (name === 'TT') {
      observedAt = timeOf(`${word}00`, utcOffsetHours) ?? observedAt;
      continue;
    }
    if (name === 'ZT' && /^[0-9A-F]{8}$/i.test(word)) {
      report.status = Number.parseInt(word, 16);
      continue;
    }
    const value = /^-?\d{1,10}(?:\.\d{1,6})?$/.test(word) ? Number(word) : undefined;
    const element = NAMES[name];
    if (value === undefined || element === undefined) {
      report.isPartial = true;
      continue;
    }
    if (element === VOLTAGE) report.voltage = value;
    else report.observations.push({ element, value, at: observedAt });
  }
  return report;
}

/** Now, as `yyMMddHHmmss` on a clock so many hours ahead of Greenwich. */
export function writeTime(at: number, utcOffsetHours: number): string {
  return new Date(at + utcOffsetHours * 3600_000)
    .toISOString()
    .replaceAll(/[^0-9]/g, '')
    .slice(2, 14);
}
