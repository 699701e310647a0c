import { z } from 'zod';
import { DispatchError } from '#kernel/errors.ts';
import { exportIncident } from '#dispatch/export-incident.ts';
import { toTimelineEntry } from '../timeline-entry.ts';
import { zipEvidence } from './evidence-zip.ts';
import type { Http, HttpParts } from './parts.ts';

const Params = z.object({ id: z.string().max(64) });

/** Incidents, their timelines, and the evidence that can be taken out. */
export function incidentRoutes(http: Http, { desk }: HttpParts): void {
  http.get(
    '/api/incidents',
    { config: { right: 'view' }, schema: { tags: ['incidents'], summary: 'Incidents, open ones first' } },
    async () => desk.incidents.list(),
  );

  http.get(
    '/api/incidents/:id/timeline',
    {
      config: { right: 'replay' },
      schema: {
        tags: ['incidents'],
        summary: 'Everything that belongs to one incident',
        params: Params,
        querystring: z.object({ afterSeq: z.coerce.number().int().optional() }),
      },
    },
    async ({ params, query }) => {
      if (!(await desk.incidents.get(params.id))) throw new DispatchError('INCIDENT_UNKNOWN', params.id);
      return (await desk.timeline.read({ incident: params.id, limit: 10_000, ...query })).map(toTimelineEntry);
    },
  );

  http.get(
    '/api/incidents/:id/warnings',
    {
      config: { right: 'view' },
      schema: {
        tags: ['incidents'],
        summary: 'What this incident has warned of, the oldest first (CAP 1.2)',
        params: Params,
      },
    },
    async ({ params }) => {
      if (!(await desk.incidents.get(params.id))) throw new DispatchError('INCIDENT_UNKNOWN', params.id);
      return await desk.warnings.of(params.id);
    },
  );

  http.post(
    '/api/incidents/:id/export',
    {
      config: { right: 'export' },
      schema: { tags: ['incidents'], summary: 'Evidence as a zip that tocsin-verify checks', params: Params },
    },
    async ({ params, session }, reply) => {
      if (!(await desk.incidents.get(params.id))) throw new DispatchError('INCIDENT_UNKNOWN', params.id);
      const evidence = await exportIncident(params.id, session.user.id, desk);
      return reply
        .type('application/zip')
        .header('content-disposition', `attachment; filename="${params.id}.zip"`)
        .send(zipEvidence(evidence));
    },
  );
}
