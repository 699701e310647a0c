import cookie from '@fastify/cookie';
import fastifyStatic from '@fastify/static';
import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import Fastify from 'fastify';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import {
  jsonSchemaTransform,
  serializerCompiler,
  validatorCompiler,
  hasZodFastifySchemaValidationErrors,
  type ZodTypeProvider,
} from 'fastify-type-provider-zod';
import { may } from '#directory/rights.ts';
import { DispatchError, FAILURES } from '#kernel/errors.ts';
import type { Desk } from '#dispatch/desk.ts';
import { noteSoon } from '#timeline/note-soon.ts';
import { complain } from '../complain.ts';
import { SESSION_COOKIE, sessionOf } from '../session-cookie.ts';
import { accountRoutes } from './accounts.ts';
import { checkRoutes } from './checks.ts';
import { callRoutes } from './calls.ts';
import { callSettingsRoutes } from './call-settings.ts';
import { channelRoutes } from './channels.ts';
import { commandRoutes } from './commands.ts';
import { healthRoutes } from './health.ts';
import { incidentRoutes } from './incidents.ts';
import { orderRoutes } from './orders.ts';
import { planRoutes } from './plans.ts';
import { recordingRoutes } from './recordings.ts';
import { routingRoutes } from './routing.ts';
import { securityRoutes } from './security.ts';
import { sessionRoutes } from './session.ts';
import { phoneRoutes } from './phones.ts';
import { siteRoutes } from './site.ts';
import { timelineRoutes } from './timeline.ts';

/** Largest body of a request, in bytes; larger ones are answered 413. */
const MAX_BODY_BYTES = 1024 * 1024;

import type { Http, HttpParts } from './parts.ts';
/** Builds the HTTP server: routes, documentation, the console's files. It does not listen yet. */
export async function buildHttp(parts: HttpParts): Promise<Http> {
  const { desk } = parts;
  const http: Http = Fastify({
    bodyLimit: MAX_BODY_BYTES,
    trustProxy: false,
    forceCloseConnections: true,
    ...(parts.tls ? { https: parts.tls } : {}),
  }).withTypeProvider<ZodTypeProvider>();
  http.setValidatorCompiler(validatorCompiler);
  http.setSerializerCompiler(serializerCompiler);
  http.decorateRequest('session');
  http.decorateRequest('token');
  await http.register(cookie);
  await http.register(swagger, {
    openapi: {
      info: { title: 'Tocsin', version: '0.1.0', description: 'Emergency command and dispatch: the outside contract.' },
      components: {
        securitySchemes: {
          bearer: { type: 'http', scheme: 'bearer' },
          cookie: { type: 'apiKey', in: 'cookie', name: SESSION_COOKIE },
        },
      },
      security: [{ bearer: [] }, { cookie: [] }],
    },
    transform: jsonSchemaTransform,
  });
  await http.register(swaggerUi, { routePrefix: '/api/docs' });
  http.addHook('onSend', async (_request, reply) => {
    reply.header('x-content-type-options', 'nosniff');
    reply.header('referrer-policy', 'no-referrer');
    reply.header('x-frame-options', 'SAMEORIGIN');
  });
  guard(http, desk);
  http.setErrorHandler((error, request, reply) => {
    if (hasZodFastifySchemaValidationErrors(error)) {
      const detail = error.validation
        .map((each) => `${each.instancePath.slice(1).replaceAll('/', '.') || 'the body'}: ${each.message}`)
        .join('; ');
      return reply.code(400).send({ code: 'REQUEST_MALFORMED', message: `${FAILURES.REQUEST_MALFORMED}: ${detail}` });
    }
    const status = (error as { statusCode?: number }).statusCode;
    if (status === 413) return reply.code(413).send({ code: 'TOO_LARGE', message: FAILURES.TOO_LARGE });
    if (status !== undefined && status >= 400 && status < 500 && !(error instanceof DispatchError))
      return reply
        .code(status)
        .send({ code: 'REQUEST_MALFORMED', message: `${FAILURES.REQUEST_MALFORMED}: ${(error as Error).message}` });
    const complaint = complain(error, desk.log.with({ url: request.routeOptions.url }));
    return reply.code(complaint.status).send({ code: complaint.code, message: complaint.message });
  });

  sessionRoutes(http, parts);
  healthRoutes(http, parts);
  planRoutes(http, parts);
  incidentRoutes(http, parts);
  timelineRoutes(http, parts);
  recordingRoutes(http, parts);
  siteRoutes(http, parts);
  checkRoutes(http, parts);
  commandRoutes(http, parts);
  phoneRoutes(http, parts);
  accountRoutes(http, parts);
  orderRoutes(http, parts);
  channelRoutes(http, parts);
  routingRoutes(http, parts);
  securityRoutes(http, parts);
  callRoutes(http, parts);
  callSettingsRoutes(http, parts);
  http.get('/api/openapi.json', { config: { isOpen: true }, schema: { hide: true } }, async () => http.swagger());
  await serveConsole(http, parts.consoleFolder);
  return http;
}

/** Every route under /api needs a session and its right, unless it says that it is open. */
function guard(http: Http, desk: Desk): void {
  http.addHook('onRequest', async (request) => {
    const { config, url } = request.routeOptions;
    if (config.isOpen || !url?.startsWith('/api/') || url.startsWith('/api/docs')) return;
    const bearer = /^Bearer (.+)$/i.exec(request.headers.authorization ?? '')?.[1];
    // A cookie is sent by the browser on its own: a request that changes something must come from our own pages.
    const isForeign =
      request.method !== 'GET' && !bearer && isFromElsewhere(request.headers.origin, request.headers.host);
    const found = isForeign
      ? undefined
      : await sessionOf(desk.directory, { token: bearer, cookie: request.headers.cookie });
    if (!found) throw new DispatchError('SESSION_UNKNOWN');
    request.session = found.session;
    request.token = found.token;
    if (config.right && !may(found.session, config.right)) {
      await noteSoon(
        {
          kind: 'request.denied',
          actor: found.session.user.id,
          data: { url, right: config.right },
        },
        desk,
      );
      throw new DispatchError('RIGHT_MISSING', config.right);
    }
  });
}

function isFromElsewhere(origin: string | undefined, host: string | undefined): boolean {
  return origin !== undefined && URL.parse(origin)?.host !== host;
}

/** The console's files; every path that is no file is one of its pages. */
async function serveConsole(http: Http, folder: string): Promise<void> {
  if (existsSync(join(folder, 'index.html')))
    await http.register(fastifyStatic, {
      root: folder,
      preCompressed: false,
      maxAge: '1h',
      immutable: false,
    });
  http.setNotFoundHandler(async (request, reply) => {
    if (
      request.method !== 'GET' ||
      request.url.startsWith('/api/') ||
      request.url.startsWith('/_app/') ||
      !existsSync(join(folder, 'index.html'))
    )
      return reply.code(404).send({ code: 'NOT_FOUND', message: FAILURES.NOT_FOUND });
    return reply.header('cache-control', 'no-cache').sendFile('index.html', folder);
  });
}
