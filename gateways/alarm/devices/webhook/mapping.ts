import { z } from 'zod';
import { DeviceAlarm } from '@tocsin/protocol/gateway.ts';
import type { Report } from '../../report.ts';

const KINDS = DeviceAlarm.shape.kind.unwrap().options;

/** A place in a JSON document (RFC 6901): `/event/device~1id`. */
const Pointer = z.string().regex(/^(?:\/[^/]{0,80}){1,10}$/, 'a JSON pointer begins with "/"');

/** How the body of a foreign system's message is read: data, not code. */
export const Mapping = z.object({
  /** Where the device's name is; needed. */
  device: Pointer,
  /** Where the message's own id is: a second copy is the same alarm. */
  id: Pointer.optional(),
  /** Where the word is that says what happened; absent: each message is a `otherwise`. */
  type: Pointer.optional(),
  /** What such a word means. `alive`: a sign of life; `ignore`: taken, and nothing else. */
  kinds: z.record(z.string().max(80), z.enum([...KINDS, 'alive', 'ignore'])).default({}),
  /** What any other word means. */
  otherwise: z.enum([...KINDS, 'alive', 'ignore']).default('other'),
  /** Where it says that it is over, and the values that mean so. */
  over: z
    .object({
      at: Pointer,
      values: z
        .array(z.union([z.string(), z.number(), z.boolean()]))
        .min(1)
        .max(20),
    })
    .optional(),
  /** Milliseconds, seconds, or a date and time (ISO 8601). */
  at: Pointer.optional(),
  text: Pointer.optional(),
  point: Pointer.optional(),
  latitude: Pointer.optional(),
  longitude: Pointer.optional(),
});
export type Mapping = z.infer<typeof Mapping>;

export type MappedMessage =
  | {
      kind: 'mapped';
      account: string;
      reports: Report[];
      id?: string;
      at?: number;
      location?: { latitude: number; longitude: number };
    }
  | { kind: 'unfit'; why: string };

/** Reads one body. What a message says beside the mapping is left alone. */
export function mapMessage(body: unknown, mapping: Mapping): MappedMessage {
  const word = (pointer: string | undefined) => wordAt(body, pointer);
  const account = word(mapping.device);
  if (account === undefined || account.length > 120) return { kind: 'unfit', why: `no device at ${mapping.device}` };
  const id = word(mapping.id);
  const at = timeOf(valueAt(body, mapping.at));
  const location = placeOf(body, mapping);
  return {
    kind: 'mapped',
    account,
    reports: reportsOf(body, mapping),
    // The id is made safe for topics and files; a longer one keeps its end, which differs.
    ...(id !== undefined && { id: `w-${id.replaceAll(/[^A-Za-z0-9._-]/g, '_').slice(-60)}` }),
    ...(at !== undefined && { at }),
    ...(location && { location }),
  };
}

function reportsOf(body: unknown, mapping: Mapping): Report[] {
  const type = wordAt(body, mapping.type);
  const known = type !== undefined && Object.hasOwn(mapping.kinds, type) ? mapping.kinds[type] : undefined;
  const kind = known ?? mapping.otherwise;
  if (kind === 'ignore') return [{ what: 'information', text: type ?? '' }];
  if (kind === 'alive') return [{ what: 'alive' }];
  const overValue = mapping.over && valueAt(body, mapping.over.at);
  const isOver = mapping.over?.values.some((value) => value === overValue);
  const text = wordAt(body, mapping.text);
  const point = wordAt(body, mapping.point);
  return [
    {
      what: 'alarm',
      kind,
      ...(isOver && { isOver }),
      ...(text !== undefined && { text: text.slice(0, 500) }),
      ...(point !== undefined && { point: point.slice(0, 40) }),
    },
  ];
}

function valueAt(body: unknown, pointer: string | undefined): unknown {
  if (pointer === undefined) return undefined;
  let value: unknown = body;
  for (const step of pointer.slice(1).split('/')) {
    const name = step.replaceAll('~1', '/').replaceAll('~0', '~');
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
    value = (value as Record<string, unknown>)[name];
  }
  return value;
}

function wordAt(body: unknown, pointer: string | undefined): string | undefined {
  const value = valueAt(body, pointer);
  if (typeof value === 'string') return value.trim() === '' ? undefined : value.trim();
  return typeof value === 'number' && Number.isFinite(value) ? String(value) : undefined;
}

/** Seconds below the year 5138 in ms are told apart from milliseconds by their size. */
function timeOf(value: unknown): number | undefined {
  if (typeof value === 'number' && Number.isFinite(value) && value > 0)
    return Math.round(value < 1e11 ? value * 1000 : value);
  const parsed = typeof value === 'string' && value.length < 40 ? Date.parse(value) : Number.NaN;
  return Number.isFinite(parsed) && parsed > 0 ? parsed : undefined;
}

function placeOf(body: unknown, mapping: Mapping) {
  const [latitude, longitude] = [valueAt(body, mapping.latitude), valueAt(body, mapping.longitude)].map(Number) as [
    number,
    number,
  ];
  return Math.abs(latitude) <= 90 && Math.abs(longitude) <= 180 ? { latitude, longitude } : undefined;
}
