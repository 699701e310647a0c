import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import type { RecordingBackup, RecordingList } from '@tocsin/protocol/recording.ts';
import { readWav } from '@tocsin/server/media';
import type { CallView, TimelineEntry } from '@tocsin/protocol/views.ts';
import { Baresip } from './kit/baresip.ts';
import { HEARD_ABOVE_DB, SILENT_BELOW_DB } from './kit/hearing.ts';
import { siteFolder } from './kit/own-site.ts';
import { toneDb, type Heard } from './kit/sound.ts';
import { Tocsin } from './kit/tocsin.ts';
import { hears } from './kit/two-phones.ts';
import { until } from './kit/wait.ts';

const run = promisify(execFile);
const CALLER_HZ = 700;
const FIRST_HZ = 1000;
const SECOND_HZ = 1240;

test('talks are recorded by rule, by key and by hand, and the file has what it should', async (t) => {
  const folder = await siteFolder(t, (site) => {
    site.recording = {
      rules: [
        { id: 'reception', name: { zh: '前台' }, when: { account: ['1005'] }, mode: 'always', sides: 'apart' },
        { id: 'union', name: { zh: '工会' }, when: { called: ['1006'] }, mode: 'never' },
      ],
      otherwise: 'on-demand',
      packAfterS: 2,
    };
  });
  const tocsin = await Tocsin.start(t, { TOCSIN_SIMULATORS: 'off', TOCSIN_SITE: folder });
  const phone = (user: string, toneHz: number) => Baresip.start(t, { user, server: tocsin.sip, toneHz });
  const [caller, first, second, union] = await Promise.all([
    phone('1002', CALLER_HZ),
    phone('1004', FIRST_HZ),
    phone('1005', SECOND_HZ),
    phone('1006', SECOND_HZ),
  ]);
  const runningCall = async (): Promise<CallView> =>
    await until('the call is answered', async () =>
      (await tocsin.get<CallView[]>('/api/calls')).find(({ state }) => state === 'answered'),
    );
  const dial = async (callee: Baresip): Promise<string> => {
    const hadBefore = callee.events.length;
    await caller.dial(callee.options.user);
    await callee.until('CALL_ESTABLISHED', 20_000, hadBefore);
    await hears(caller, callee.options.toneHz!);
    return (await runningCall()).id;
  };
  const hangUp = async (callee: Baresip) => {
    await caller.command('hangup');
    for (const each of [caller, callee]) await until(`${each.options.user} is free`, () => !each.isInCall);
  };
  const entryOf = async (call: string, kind: string, nth = 0): Promise<TimelineEntry> =>
    await until(`${kind} of ${call}`, async () => (await tocsin.timeline({ kind, call }))[nth]);
  const isRecording = async (wanted: boolean, isPaused = false) =>
    await until(`recording: ${wanted}, paused: ${isPaused}`, async () => {
      const view = await runningCall();
      return view.isRecording === wanted && (view.isRecordingPaused ?? false) === isPaused;
    });
  /** So much more of it is spoken; media keeps its own time. */
  const goesOn = async (seconds: number) => {
    const { samples, rateHz } = await caller.heard();
    await until(`${seconds} s more are heard`, async () => {
      const now = (await caller.heard()).samples.length;
      return now >= samples.length + seconds * rateHz;
    });
  };
  const sides = async ({ blobs }: TimelineEntry): Promise<Heard[]> => {
    const response = await tocsin.request('GET', `${blobs[0]!.url}?as=wav`);
    const reading = readWav(new Uint8Array(await response.arrayBuffer()));
    assert.ok(reading.kind === 'sound');
    return reading.sound.channels.map((samples) => ({ samples, rateHz: reading.sound.rateHz }));
  };
  const isThere = (heard: Heard, hz: number, fromS = 0, toS = Infinity) =>
    assert.ok(toneDb(heard, hz, fromS, toS) > HEARD_ABOVE_DB, `${hz} Hz: ${toneDb(heard, hz, fromS, toS)} dB`);
  const isSilent = (heard: Heard, hz: number, fromS = 0, toS = Infinity) =>
    assert.ok(toneDb(heard, hz, fromS, toS) < SILENT_BELOW_DB, `${hz} Hz: ${toneDb(heard, hz, fromS, toS)} dB`);

  await t.test('by rule: from beginning to end, each side on its channel; a phone’s key cannot stop it', async () => {
    const call = await dial(second);
    await isRecording(true);
    await caller.press('*4', { onMs: 100, offMs: 60 });
    const refused = await entryOf(call, 'recording.refused');
    assert.deepEqual(
      [refused.data['act'], refused.data['by'], refused.data['because']],
      ['stop', '1002', 'RECORDING_FORBIDDEN'],
    );
    await goesOn(1);
    await isRecording(true);
    await hangUp(second);
    assert.equal((await entryOf(call, 'recording.started')).data['rule'], 'reception');
    const [left, right] = await sides(await entryOf(call, 'recording.closed'));
    isThere(left!, CALLER_HZ);
    isSilent(left!, SECOND_HZ);
    isThere(right!, SECOND_HZ);
    isSilent(right!, CALLER_HZ);
    assert.equal((await tocsin.timeline({ kind: 'recording.closed', call })).length, 1);
  });

  await t.test('by key: nothing until *4, silence between two *5, the end with *4', async () => {
    const call = await dial(first);
    await goesOn(0.5);
    assert.deepEqual(await tocsin.timeline({ kind: 'recording.started', call }), []);
    assert.equal((await runningCall()).isRecording, false);
    await first.press('*4', { onMs: 100, offMs: 60 });
    await isRecording(true);
    await goesOn(1.5);
    await first.press('*5', { onMs: 100, offMs: 60 });
    await isRecording(true, true);
    await goesOn(1.5);
    await first.press('*5', { onMs: 100, offMs: 60 });
    await isRecording(true);
    await goesOn(1.5);
    await first.press('*4', { onMs: 100, offMs: 60 });
    await isRecording(false);
    const closed = await entryOf(call, 'recording.closed');
    await goesOn(0.5);
    await hangUp(first);
    assert.deepEqual([(await entryOf(call, 'recording.started')).actor, closed.actor], ['1004', '1004']);
    const [gap] = closed.data['gaps'] as { fromMs: number; toMs: number }[];
    const paused = await entryOf(call, 'recording.paused');
    const resumed = await entryOf(call, 'recording.resumed');
    assert.deepEqual([paused.data['atMs'], resumed.data['atMs']], [gap!.fromMs, gap!.toMs]);
    const [heard] = await sides(closed);
    const [from, to] = [gap!.fromMs / 1000, gap!.toMs / 1000];
    assert.ok(to - from > 1, `a pause of ${to - from} s`);
    for (const hz of [CALLER_HZ, FIRST_HZ]) {
      isThere(heard!, hz, 0, from);
      isSilent(heard!, hz, from, to);
      isThere(heard!, hz, to);
    }
    assert.equal((await tocsin.timeline({ kind: 'recording.started', call })).length, 1, 'nothing after its end');
  });

  await t.test('by hand: the desk starts, pauses, goes on and stops; who has no right is refused', async () => {
    const call = await dial(first);
    const observer = await tocsin.login('observer');
    await assert.rejects(tocsin.command({ do: 'recording.start', call }, observer), /RIGHT_MISSING/);
    await tocsin.command({ do: 'recording.start', call });
    await isRecording(true);
    await goesOn(1);
    await tocsin.command({ do: 'recording.pause', call });
    await isRecording(true, true);
    await goesOn(1);
    await tocsin.command({ do: 'recording.resume', call });
    await goesOn(1);
    await tocsin.command({ do: 'recording.stop', call });
    await isRecording(false);
    await tocsin.command({ do: 'recording.start', call });
    await goesOn(1);
    await hangUp(first);
    const closed = await entryOf(call, 'recording.closed');
    const [{ fromMs, toMs }] = closed.data['gaps'] as [{ fromMs: number; toMs: number }];
    const [heard] = await sides(closed);
    isThere(heard!, FIRST_HZ, 0, fromMs / 1000);
    isSilent(heard!, FIRST_HZ, fromMs / 1000, toMs / 1000);
    isThere(heard!, FIRST_HZ, toMs / 1000);
    const [again] = await sides(await entryOf(call, 'recording.closed', 1));
    isThere(again!, CALLER_HZ);
    assert.deepEqual(
      (await tocsin.timeline({ kind: 'recording.', call })).map(({ kind, actor }) => `${kind} ${actor ?? '-'}`),
      [
        'recording.started admin',
        'recording.paused admin',
        'recording.resumed admin',
        'recording.closed admin',
        'recording.started admin',
        'recording.closed -',
      ],
    );
  });

  await t.test('what a rule forbids nobody records', async () => {
    const call = await dial(union);
    await assert.rejects(tocsin.command({ do: 'recording.start', call }), /RECORDING_FORBIDDEN/);
    await caller.press('*4', { onMs: 100, offMs: 60 });
    await entryOf(call, 'recording.refused');
    await hangUp(union);
    assert.deepEqual(await tocsin.timeline({ kind: 'recording.started', call }), []);
  });

  const find = async (query: Record<string, string>): Promise<RecordingList> =>
    await tocsin.get(`/api/recordings?${new URLSearchParams(query)}`);

  await t.test('found by who and how, and heard from any second', async () => {
    const { total, recordings } = await find({ agent: '1005', direction: 'internal', caller: '1002', of: 'call' });
    assert.equal(total, 1);
    const [recording] = recordings;
    assert.ok(recording?.state === 'kept' && recording.ms! > 1000);
    assert.equal((await find({ agent: '1005', direction: 'out' })).total, 0);
    assert.equal((await find({ number: '1004' })).total, 3);
    const middle = 44 + 4 * 8 * Math.round(recording.ms! / 2);
    const response = await fetch(`${tocsin.http}${recording.url}?as=wav`, {
      headers: { authorization: `Bearer ${tocsin.token}`, range: `bytes=${middle}-${middle + 15_999}` },
    });
    assert.equal(response.status, 206);
    assert.match(response.headers.get('content-range')!, new RegExp(`^bytes ${middle}-`));
    const stereo = new Int16Array(await response.arrayBuffer());
    isThere({ samples: stereo.filter((_, i) => i % 2 === 0), rateHz: 8000 }, CALLER_HZ);
    isThere({ samples: stereo.filter((_, i) => i % 2 === 1), rateHz: 8000 }, SECOND_HZ);
  });

  await t.test('packed as Opus in the background: a fraction of the size, found by either hash', async () => {
    const packed = await until('all are packed', async () => {
      const { recordings } = await find({});
      return recordings.every(({ format }) => format === 'opus') && recordings;
    });
    const entries = await tocsin.timeline({ kind: 'recording.packed' });
    assert.equal(entries.length, packed.length);
    for (const { data, blobs } of entries) {
      const wav = await tocsin.request('GET', `/api/recordings/${String(data['wavSha256'])}`);
      const opus = await tocsin.request('GET', blobs[0]!.url);
      assert.deepEqual([wav.headers.get('content-type'), opus.headers.get('content-type')], ['audio/ogg', 'audio/ogg']);
      assert.ok((await wav.arrayBuffer()).byteLength < (blobs[0]!.ms ?? 0) * 8);
    }
  });

  await t.test('backed up to a folder whose checksums hold; who may not take out is refused', async () => {
    const observer = await tocsin.login('observer');
    assert.equal((await tocsin.request('POST', '/api/recordings/backups', { folder: 'x' }, observer)).status, 403);
    assert.equal((await tocsin.request('POST', '/api/recordings/backups', { folder: '../x' })).status, 400);
    const backup = await tocsin.post<RecordingBackup>('/api/recordings/backups', { folder: 'night', number: '1004' });
    assert.deepEqual([backup.files, backup.left], [3, []]);
    const { stdout } = await run('sha256sum', ['-c', 'SHA256SUMS'], { cwd: backup.folder });
    assert.equal(stdout.match(/: OK$/gm)?.length, 4, stdout);
    const index = await readFile(join(backup.folder, 'index.csv'), 'utf8');
    assert.equal(index.trim().split('\r\n').length, 4);
    assert.match(index, /1002,1004,internal,1002 1004/);
    assert.equal((await tocsin.request('POST', '/api/recordings/backups', { folder: 'night' })).status, 400, 'again');
  });

  await t.test('deleted by right, with a reason that stays; the evidence still holds', async () => {
    const [recording] = (await find({ agent: '1005' })).recordings;
    const deletion = `/api/recordings/${recording!.id}/deletion`;
    const observer = await tocsin.login('observer');
    assert.equal((await tocsin.request('POST', deletion, { because: '本人申请' }, observer)).status, 403);
    assert.equal((await tocsin.request('POST', deletion, { because: ' ' })).status, 400);
    await tocsin.post(deletion, { because: '本人申请' });
    assert.equal((await tocsin.request('POST', deletion, { because: '本人申请' })).status, 404);
    assert.equal((await tocsin.request('GET', recording!.url!)).status, 404);
    assert.equal((await find({ agent: '1005' })).total, 0);
    const [gone] = (await find({ agent: '1005', withDeleted: 'true' })).recordings;
    assert.deepEqual([gone!.deleted!.by, gone!.deleted!.because], ['admin', '本人申请']);
    const [entry] = await tocsin.timeline({ kind: 'recording.deleted' });
    assert.deepEqual(
      [entry!.actor, entry!.data['because'], entry!.data['packedSha256']],
      ['admin', '本人申请', recording!.sha256],
    );
    assert.equal((await tocsin.get<{ kind: string }>('/api/timeline/verification')).kind, 'whole');
  });
});
