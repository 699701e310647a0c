import { BlacklistEntry } from '@tocsin/protocol/routing.ts';
import { z } from 'zod';
import { askRouting } from '#dispatch/ask-routing.ts';
import { noteSoon } from '#timeline/note-soon.ts';
import type { Http, HttpParts } from './parts.ts';

const Number = z.string().regex(/^[0-9*#+]{1,24}$/, 'a number has 1-24 digits, *, # or +');

const Test = z.object({
  calling: Number,
  dialled: Number,
  trunk: z.string().max(64).optional(),
  at: z
    .string()
    .regex(
      /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])T(?:[01]\d|2[0-3]):[0-5]\d$/,
      'a time is written 2026-10-01T23:10',
    )
    .optional(),
});

/** Trunks, and routing as data: what the rules are, and what they would do. */
export function routingRoutes(http: Http, { desk }: HttpParts): void {
  http.post(
    '/api/routing/test',
    {
      config: { right: 'administer' },
      schema: {
        tags: ['routing'],
        summary:
          'What would happen if this number dialled that one at this time, step by step in words; nothing is called',
        body: Test,
      },
    },
    async ({ body }) => askRouting(body, desk),
  );

  http.get(
    '/api/routing',
    {
      config: { right: 'administer' },
      schema: {
        tags: ['routing'],
        summary: 'Routes, calendars, regions, classes and lists of numbers as the site has them',
      },
    },
    async () => {
      const { timeZone, calendars, routes, regions, numberClasses, callClasses, vips } = desk.directory.site;
      return { timeZone, calendars, routes, regions, numberClasses, callClasses, vips };
    },
  );

  http.get(
    '/api/routing/blacklist',
    {
      config: { right: 'administer' },
      schema: { tags: ['routing'], summary: 'Callers that are not wanted; those of the site’s file have no id' },
    },
    async () => [...desk.blacklist.entries(), ...desk.directory.site.blacklist],
  );

  http.post(
    '/api/routing/blacklist',
    {
      config: { right: 'administer' },
      schema: { tags: ['routing'], summary: 'Put a caller on the blacklist', body: BlacklistEntry },
    },
    async ({ body, session }) => {
      const entry = await desk.blacklist.add(body, session.user.id);
      await noteSoon({ kind: 'blacklist.added', actor: session.user.id, data: { ...body } }, desk);
      return entry;
    },
  );

  http.delete(
    '/api/routing/blacklist/:id',
    {
      config: { right: 'administer' },
      schema: {
        tags: ['routing'],
        summary: 'Take a caller off the blacklist',
        params: z.object({ id: z.string().max(64) }),
      },
    },
    async ({ params, session }) => {
      const { number, because } = await desk.blacklist.remove(params.id);
      await noteSoon({ kind: 'blacklist.removed', actor: session.user.id, data: { number, because } }, desk);
      return { ok: true };
    },
  );

  http.get(
    '/api/trunks',
    {
      config: { right: 'view' },
      schema: { tags: ['routing'], summary: 'How each trunk is, and what each of its lines is used for' },
    },
    async () => desk.trunks.all(),
  );
}
