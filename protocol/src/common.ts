import { z } from 'zod';

/** Identifiers are short, printable and safe in topics, paths and file names. */
export const Id = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, 'an id is 1-64 letters, digits, dots, dashes, underscores');
export type Id = z.infer<typeof Id>;

/** Milliseconds since 1970-01-01T00:00Z. */
export const AtMs = z.number().int().nonnegative();

/** A place on the map, WGS 84 degrees. */
export const Location = z.object({
  latitude: z.number().min(-90).max(90),
  longitude: z.number().min(-180).max(180),
  accuracyMetres: z.number().nonnegative().optional(),
  atMs: AtMs.optional(),
});
export type Location = z.infer<typeof Location>;

/** The four national warning levels: 1 red, 2 orange, 3 yellow, 4 blue. */
export const Level = z.union([z.literal(1), z.literal(2), z.literal(3), z.literal(4)]);
export type Level = z.infer<typeof Level>;

/** What carries the words to a resource. */
export const Bearer = z.enum([
  'ip',
  'fibre',
  'microwave',
  'public-network',
  'vhf-uhf',
  'hf',
  'trunked',
  'satellite',
  'pstn',
]);
export type Bearer = z.infer<typeof Bearer>;

/** What may sound over what on loudspeakers; music is the lowest. */
export const AnnouncementPriority = z.enum(['music', 'routine', 'urgent', 'emergency']);
export type AnnouncementPriority = z.infer<typeof AnnouncementPriority>;

/** A name in both languages of the console; `en` falls back to `zh`. */
export const Name = z.object({ zh: z.string().min(1).max(80), en: z.string().min(1).max(120).optional() });
export type Name = z.infer<typeof Name>;
