import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join, resolve, sep } from 'node:path';
import { z } from 'zod';
import { RecordingQuery } from '@tocsin/protocol/recording.ts';
import { findRecordings } from '#calls/recordings-store.ts';
import { DispatchError } from '#kernel/errors.ts';
import { backUpRecordings } from '#dispatch/back-up-recordings.ts';
import { deleteRecording } from '#dispatch/delete-recording.ts';
import { findRecording, findWav } from '#dispatch/find-recording.ts';
import { noteSoon } from '#timeline/note-soon.ts';
import type { Http, HttpParts } from './parts.ts';

/** Names of folders: no path leads out of them. */
const FolderName = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,79}$/, 'a name of letters, digits, dots and dashes');

const Params = z.object({ sha256: z.string().regex(/^[0-9a-f]{64}$/) });

const TYPES: Record<string, string> = {
  wav: 'audio/wav',
  webm: 'video/webm',
  mkv: 'video/x-matroska',
  opus: 'audio/ogg',
  jpg: 'image/jpeg',
  pdf: 'application/pdf',
};

/** Hearings remembered; with more, the oldest is forgotten and noted anew. */
const HEARINGS_REMEMBERED = 10_000;
/** A player asks for a recording piece by piece: that is one hearing for this long. */
const ONE_HEARING_MS = 10 * 60_000;

/** Recordings, by the hash of their content; browsers seek in them by Range (RFC 9110 §14). */
export function recordingRoutes(http: Http, { desk, dataFolder }: HttpParts): void {
  const hearings = new Map<string, number>();
  const isFirstHearing = (session: string, sha256: string): boolean => {
    const key = `${session}/${sha256}`;
    const heardAt = hearings.get(key);
    if (heardAt !== undefined && desk.clock.now() - heardAt < ONE_HEARING_MS) return false;
    hearings.delete(key);
    hearings.set(key, desk.clock.now());
    if (hearings.size > HEARINGS_REMEMBERED) hearings.delete(hearings.keys().next().value!);
    return true;
  };

  http.get(
    '/api/recordings',
    {
      config: { right: 'replay' },
      schema: {
        tags: ['timeline'],
        summary:
          'Recordings by time, numbers, agent, direction, kind, channel, length; the newest first, and how many there are',
        querystring: RecordingQuery,
      },
    },
    async ({ query }) => await findRecordings(desk.store, query),
  );

  http.post(
    '/api/recordings/:id/deletion',
    {
      config: { right: 'delete-recording' },
      schema: {
        tags: ['timeline'],
        summary: 'Delete the sound of a recording for good; who did it, why, and its hash stay',
        params: z.object({ id: z.string().max(64) }),
        body: z.object({ because: z.string().trim().min(1).max(500) }),
      },
    },
    async ({ params, body, session }) => {
      await deleteRecording(params.id, { ...body, user: session.user.id }, desk);
      return { ok: true };
    },
  );

  http.post(
    '/api/recordings/backups',
    {
      config: { right: 'export' },
      schema: {
        tags: ['timeline'],
        summary: 'Copy recordings to a new folder of backups, with index.csv and SHA256SUMS',
        body: RecordingQuery.extend({ folder: FolderName }),
      },
    },
    async ({ body: { folder, ...query }, session }) => await backUpRecordings(query, folder, session.user.id, desk),
  );

  http.get(
    '/api/recordings/:sha256',
    {
      config: { right: 'replay' },
      schema: {
        tags: ['timeline'],
        summary: 'A recording’s sound or picture, as it lies on the disk or (`as=wav`) as a WAV',
        params: Params,
        querystring: z.object({ as: z.literal('wav').optional() }),
      },
    },
    async ({ params, query, headers, session }, reply) => {
      const folder = resolve(dataFolder);
      const path = resolve(
        query.as === 'wav'
          ? await findWav(params.sha256, desk)
          : join(folder, (await findRecording(params.sha256, desk)).path),
      );
      if (!path.startsWith(folder + sep)) throw new DispatchError('NOT_FOUND');
      const size = await stat(path).then(
        (file) => file.size,
        () => undefined,
      );
      if (size === undefined) throw new DispatchError('NOT_FOUND', 'the file of this recording');
      const range = readRange(headers.range, size);
      if (range === 'unsatisfiable') return reply.code(416).header('content-range', `bytes */${size}`).send();
      if (isFirstHearing(session.id, params.sha256))
        await noteSoon({ kind: 'recording.heard', actor: session.user.id, data: { sha256: params.sha256 } }, desk);
      reply.type(TYPES[path.split('.').at(-1) ?? ''] ?? 'application/octet-stream').header('accept-ranges', 'bytes');
      if (!range) return reply.header('content-length', size).send(createReadStream(path));
      const { first, last } = range;
      return reply
        .code(206)
        .header('content-range', `bytes ${first}-${last}/${size}`)
        .header('content-length', last - first + 1)
        .send(createReadStream(path, { start: first, end: last }));
    },
  );
}

/** One byte range of a file; several ranges or nonsense are answered with the whole, as §14.2 allows. */
export function readRange(
  header: string | undefined,
  size: number,
): { first: number; last: number } | 'unsatisfiable' | undefined {
  const match = /^bytes=(\d*)-(\d*)$/.exec(header ?? '');
  if (!match || (match[1] === '' && match[2] === '')) return undefined;
  const first = match[1] === '' ? Math.max(0, size - Number(match[2])) : Number(match[1]);
  const last = match[1] === '' || match[2] === '' ? size - 1 : Math.min(Number(match[2]), size - 1);
  return first > last || first >= size ? 'unsatisfiable' : { first, last };
}
