import { z } from 'zod';
import { DispatchError } from '#kernel/errors.ts';
import { runCommand } from '#dispatch/commands.ts';
import type { Http, HttpParts } from './parts.ts';

const Params = z.object({ id: z.string().max(64) });

const StartBody = z
  .object({
    drill: z.boolean().default(false),
    incident: z.string().max(64).optional(),
    alarm: z.string().max(64).optional(),
    parameters: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).default({}),
  })
  .prefault({});

/** Plans and their runs. */
export function planRoutes(http: Http, { desk }: HttpParts): void {
  http.get(
    '/api/plans',
    { config: { right: 'view' }, schema: { tags: ['plans'], summary: 'All plans, with their readiness' } },
    async () => desk.plans.views(),
  );

  http.post(
    '/api/plans/check',
    {
      config: { right: 'edit-plan' },
      schema: {
        tags: ['plans'],
        summary: 'Check a plan document; problems come with line and column',
        body: z.object({ document: z.string().max(256 * 1024) }),
      },
    },
    async ({ body }) => desk.plans.check(body.document),
  );

  http.get(
    '/api/plans/:id/document',
    {
      config: { right: 'edit-plan' },
      schema: { tags: ['plans'], summary: 'The document as it was written', params: Params },
    },
    async ({ params }) => {
      const document = desk.plans.text(params.id);
      if (document === undefined) throw new DispatchError('PLAN_UNKNOWN', params.id);
      return { document, versions: await desk.plans.versions(params.id) };
    },
  );

  http.put(
    '/api/plans',
    {
      config: { right: 'edit-plan' },
      schema: {
        tags: ['plans'],
        summary: 'Put a plan document in force, as a new version; runs that go on keep theirs',
        body: z.object({ document: z.string().max(256 * 1024) }),
      },
    },
    async ({ body, session }) => desk.plans.save(body.document, session.user.id),
  );

  http.post(
    '/api/plans/:id/runs',
    { schema: { tags: ['plans'], summary: 'Start a plan', params: Params, body: StartBody.nullish() } },
    async ({ params, body, session }, reply) => {
      const started = await runCommand(
        { do: 'plan.start', plan: params.id, ...StartBody.parse(body ?? {}) },
        session,
        desk,
      );
      return reply.code(201).send(started);
    },
  );

  http.get(
    '/api/runs',
    { config: { right: 'view' }, schema: { tags: ['plans'], summary: 'Runs, newest first' } },
    async () => desk.runs.list(),
  );

  http.get(
    '/api/runs/:id',
    {
      config: { right: 'view' },
      schema: { tags: ['plans'], summary: 'One run: state, steps, ledger', params: Params },
    },
    async ({ params }) => {
      const run = await desk.runs.get(params.id);
      if (!run) throw new DispatchError('RUN_UNKNOWN', params.id);
      return run;
    },
  );

  http.post(
    '/api/runs/:id/stop',
    {
      schema: {
        tags: ['plans'],
        summary: 'Stop a run',
        params: Params,
        body: z.object({ note: z.string().max(500).default('') }).nullish(),
      },
    },
    async ({ params, body, session }) => {
      await runCommand({ do: 'run.stop', run: params.id, note: body?.note ?? '' }, session, desk);
      return { ok: true };
    },
  );
}
