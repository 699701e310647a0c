import { createReadStream, existsSync } from 'node:fs';
import { join } from 'node:path';
import { DispatchError } from '#kernel/errors.ts';
import { siteFor } from '../console/hello.ts';
import type { Http, HttpParts } from './parts.ts';

/** The site: its directory without secrets, and its own base map, so that the map works with no internet. */
export function siteRoutes(http: Http, { desk, siteFolder }: HttpParts): void {
  http.get(
    '/api/site',
    { config: { right: 'view' }, schema: { tags: ['site'], summary: 'The site as this user may know it' } },
    async ({ session }) => siteFor(session, desk),
  );

  http.get(
    '/api/site/base-map',
    { schema: { tags: ['site'], summary: 'The base map, GeoJSON' } },
    async (_request, reply) => {
      const { baseMap } = desk.directory.site;
      const path = baseMap === undefined ? undefined : join(siteFolder, baseMap);
      if (path === undefined || !existsSync(path)) throw new DispatchError('NOT_FOUND', 'base map');
      return reply
        .type('application/geo+json')
        .header('cache-control', 'private, max-age=3600')
        .send(createReadStream(path));
    },
  );
}
