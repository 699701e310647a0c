import { z } from 'zod';
import type { SecurityView } from '@tocsin/protocol/security.ts';
import { DispatchError } from '#kernel/errors.ts';
import { noteSoon } from '#timeline/note-soon.ts';
import type { Http, HttpParts } from './parts.ts';

/** Who tries the telephone side's doors, and letting one in again who was shut out. */
export function securityRoutes(http: Http, { desk }: HttpParts): void {
  http.get(
    '/api/security',
    {
      config: { right: 'administer' },
      schema: {
        tags: ['security'],
        summary:
          'Sources of scans, wrong passwords, malformed and barred calls, with counts, times, and who is not heard now',
      },
    },
    async (): Promise<SecurityView> => desk.security.snapshot(),
  );

  http.post(
    '/api/security/release',
    {
      config: { right: 'administer' },
      schema: {
        tags: ['security'],
        summary: 'Hear a source again at once; what it has done stays counted',
        body: z.object({ source: z.string().min(1).max(64) }),
      },
    },
    async ({ body: { source }, session }) => {
      if (!desk.security.release(source)) throw new DispatchError('NOT_FOUND', source);
      await noteSoon({ kind: 'security.source-released', actor: session.user.id, data: { source } }, desk);
      return { ok: true };
    },
  );
}
