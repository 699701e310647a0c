import { z } from 'zod';
import { may } from '#directory/rights.ts';
import { toTimelineEntry } from '../timeline-entry.ts';
import type { Http, HttpParts } from './parts.ts';

const Query = z.object({
  from: z.coerce.number().int().optional(),
  to: z.coerce.number().int().optional(),
  kind: z.string().max(100).optional(),
  incident: z.string().max(64).optional(),
  run: z.string().max(64).optional(),
  call: z.string().max(64).optional(),
  alarm: z.string().max(64).optional(),
  person: z.string().max(64).optional(),
  afterSeq: z.coerce.number().int().optional(),
  beforeSeq: z.coerce.number().int().optional(),
  order: z.enum(['oldest-first', 'newest-first']).optional(),
  limit: z.coerce.number().int().min(1).max(10_000).optional(),
});

/** The timeline: everything that happened, in order, provable. */
export function timelineRoutes(http: Http, { desk }: HttpParts): void {
  http.get(
    '/api/timeline',
    {
      config: { right: 'replay' },
      schema: {
        tags: ['timeline'],
        summary: 'Entries by time, kind (a trailing dot takes all of a noun), incident, run …',
        querystring: Query,
      },
    },
    async ({ query, session }) =>
      (await desk.timeline.read(query))
        .filter((entry) => may(session, 'replay', entry.organisation))
        .map(toTimelineEntry),
  );

  http.get(
    '/api/timeline/verification',
    { config: { right: 'replay' }, schema: { tags: ['timeline'], summary: 'Check the whole chain' } },
    async () => desk.timeline.verify(),
  );
}
