import { z } from 'zod';
import { Id } from './common.ts';

/** Whom to reach: a person, a group, or a bare number. */
export const Target = z.union([
  z.object({ person: Id }),
  z.object({ group: Id }),
  z.object({ number: z.string().regex(/^[0-9*#+]{2,24}$/) }),
]);
export type Target = z.infer<typeof Target>;
