import { createHash } from 'node:crypto';

/**
 * JSON with one right answer: no spaces, object keys in the order of their UTF-16 code units, numbers and strings as
 * ECMAScript writes them (RFC 8785). Fields that are undefined are left out; what JSON cannot hold becomes null.
 * U+0000 and halves of surrogate pairs, which PostgreSQL and UTF-8 do not hold, become U+FFFD.
 */
export function canonical(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.toWellFormed().replaceAll('\0', '\uFFFD'));
  if (typeof value === 'number') return Number.isFinite(value) ? JSON.stringify(value) : 'null';
  if (typeof value === 'boolean') return value ? 'true' : 'false';
  if (typeof value !== 'object' || value === null) return 'null';
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if ('toJSON' in value && typeof value.toJSON === 'function') return canonical((value.toJSON as () => unknown)());
  const fields = Object.entries(value).filter(([, field]) => field !== undefined && typeof field !== 'function');
  fields.sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${fields.map(([key, field]) => `${canonical(key)}:${canonical(field)}`).join(',')}}`;
}

/** SHA-256 of the UTF-8 of a text, in lower-case hex. */
export function sha256(text: string): string {
  return createHash('sha256').update(text, 'utf8').digest('hex');
}
