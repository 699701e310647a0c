import type { TrunkView } from '@tocsin/protocol/views.ts';
import { collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import type { Desk } from '#dispatch/desk.ts';
import { DispatchError } from '#kernel/errors.ts';
import { may } from '#directory/rights.ts';
import { legGauges } from './leg-gauges.ts';
import { sessionOf } from '../session-cookie.ts';
import type { Http, HttpParts, PartHealth } from './parts.ts';

/** `/api/health` for monitors, `/metrics` for Prometheus. */
export function healthRoutes(http: Http, { desk, health }: HttpParts): void {
  http.get(
    '/api/health',
    { config: { isOpen: true }, schema: { tags: ['health'], summary: 'How the parts are' } },
    async () => {
      const parts = Object.fromEntries(
        Object.entries(health).map(([name, ask]) => [name, (ask as () => PartHealth)()]),
      );
      const isOk = Object.values(parts).every((part) => part === 'ok');
      const { isDemo } = desk.system.view();
      return { status: isOk ? 'ok' : 'degraded', parts, site: desk.directory.site.name, isDemo };
    },
  );

  const registry = metricsOf(desk);
  http.get('/metrics', { config: { isOpen: true }, schema: { hide: true } }, async (request, reply) => {
    // Figures are for the machine itself, or for whoever may administer.
    if (!isLocal(request.ip)) {
      const token = /^Bearer (.+)$/i.exec(request.headers.authorization ?? '')?.[1];
      const found = await sessionOf(desk.directory, { token, cookie: request.headers.cookie });
      if (!found) throw new DispatchError('SESSION_UNKNOWN');
      if (!may(found.session, 'administer')) throw new DispatchError('RIGHT_MISSING', 'administer');
    }
    return reply.type(registry.contentType).send(await registry.metrics());
  });
}

function metricsOf(desk: Desk): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const gauge = (name: string, help: string, read: () => number) =>
    new Gauge({
      name,
      help,
      registers: [registry],
      collect() {
        this.set(read());
      },
    });
  gauge('tocsin_calls', 'Calls going on', () => desk.calls.running);
  const perTrunk = (name: string, help: string, read: (trunk: TrunkView) => number) =>
    new Gauge({
      ...{ name, help, labelNames: ['trunk'], registers: [registry] },
      collect() {
        for (const trunk of desk.trunks.all()) this.set({ trunk: trunk.id }, read(trunk));
      },
    });
  perTrunk('tocsin_trunk_down', '1 while the trunk is down', ({ health }) => (health === 'down' ? 1 : 0));
  perTrunk('tocsin_trunk_lines', 'Lines of the trunk', ({ lines }) => lines);
  perTrunk('tocsin_trunk_lines_in_use', 'Lines of the trunk in use', ({ inUse }) => inUse);
  for (const what of ['tried', 'answered', 'failed', 'full'] as const)
    perTrunk(`tocsin_trunk_calls_${what}`, `Calls by the trunk since the start: ${what}`, ({ calls }) => calls[what]);
  gauge('tocsin_conferences', 'Conferences open', () => desk.conferences.all().filter((each) => !each.hasEnded).length);
  gauge('tocsin_participants', 'Participants in conferences', () =>
    desk.conferences
      .all()
      .reduce((sum, each) => sum + each.participants().filter((participant) => participant.isIn).length, 0),
  );
  gauge('tocsin_timeline_sequence', 'Number of the last entry of the timeline', () => desk.timeline.snapshot().lastSeq);
  gauge('tocsin_timeline_waiting', 'Entries that are not yet durable', () => desk.timeline.snapshot().waiting);
  gauge(
    'tocsin_gateways_online',
    'Gateways connected',
    () => desk.resources.gateways().filter((each) => each.isOnline).length,
  );
  legGauges(registry, () => desk.engine.snapshot());
  return registry;
}

function isLocal(address: string): boolean {
  return address === '127.0.0.1' || address === '::1' || address === '::ffff:127.0.0.1';
}
