import { z } from 'zod';
import { runCommand } from '#dispatch/commands.ts';
import type { Http, HttpParts } from './parts.ts';

/** Morning checks: their results, each beside the one before. */
export function checkRoutes(http: Http, { desk }: HttpParts): void {
  http.get(
    '/api/checks',
    { config: { right: 'view' }, schema: { tags: ['checks'], summary: 'Morning checks, newest first' } },
    async () => await desk.check.list(),
  );

  http.get(
    '/api/checks/:id',
    {
      config: { right: 'view' },
      schema: {
        tags: ['checks'],
        summary: 'One morning check, each item beside its result of the check before',
        params: z.object({ id: z.string().max(64) }),
      },
    },
    async ({ params }) => await desk.check.get(params.id),
  );

  http.post(
    '/api/checks',
    { schema: { tags: ['checks'], summary: 'Start a morning check now' } },
    async ({ session }, reply) => reply.code(201).send(await runCommand({ do: 'check.start' }, session, desk)),
  );
}
