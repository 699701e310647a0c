import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { connect } from 'node:net';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { promisify } from 'node:util';
import { connectAsync } from 'mqtt';
import { io } from 'socket.io-client';
import { Baresip } from './kit/baresip.ts';
import { Console } from './kit/console.ts';
import { edges, smsGateway, testFolder } from './kit/gateways.ts';
import { siteFolder } from './kit/own-site.ts';
import { freePort } from './kit/ports.ts';
import { Tocsin } from './kit/tocsin.ts';
import { callBetween } from './kit/two-phones.ts';
import { pause, until } from './kit/wait.ts';

const SIP = join(import.meta.dirname, '../server/src/sip');

/** RFC 4475's messages, as bytes. */
const TORTURE = readdirSync(join(SIP, 'message/torture'))
  .filter((name) => name.endsWith('.dat'))
  .map((name) => readFileSync(join(SIP, 'message/torture', name)));

test('whatever is done to the doors, they say what is wrong, and nothing behind them falls over', async (t) => {
  const smscPort = await freePort();
  const site = await siteFolder(t, () => {}, [smsGateway(smscPort, 10)]);
  const tocsin = await Tocsin.start(t, { TOCSIN_SITE: site, TOCSIN_SIMULATORS: 'off' });
  const desk = await Console.open(t, tocsin);
  const phones = await twoPhones(t, tocsin);
  const fault = (name: string, play: (t: TestContext) => Promise<void>) =>
    t.test(name, async (t) => {
      await play(t);
      await stillWorks(tocsin, phones);
    });

  await fault('a wrong password is refused with a sentence, and guessing is slowed down', () => wrongPassword(tocsin));
  await fault('an unknown plan, run, route and a request that is no JSON each get their own answer', () =>
    unknownThings(tocsin),
  );
  await fault('a malformed plan is told line and column', () => malformedPlan(tocsin));
  await fault('garbage on the MQTT port and malformed JSON on a device’s topic cost only the one who sent them', () =>
    mqttGarbage(tocsin),
  );
  await fault('garbage over SIP, by UDP and TCP; the next sipsak and SIPp are served', (t) => sipGarbage(t, tocsin));
  await fault('garbage over the WebSocket of browser phones and over the console’s', (t) =>
    webSocketGarbage(t, tocsin),
  );
  await fault('a dead short-message centre: texts wait, the desk sees it, and they go out when it is back', (t) =>
    deadCentre(t, tocsin, desk, smscPort),
  );
});

test(
  'a full disk: health and desk say so, calls go on, and all is whole when there is room again',
  { skip: !canMount() },
  async (t) => {
    const disk = await mkdtemp(join(tmpdir(), 'tocsin-small-disk-'));
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=220m', 'tmpfs', disk]);
    const data = join(disk, 'data');
    await mkdir(data);
    const site = await siteFolder(t, () => {});
    let tocsin: Tocsin | undefined;
    try {
      tocsin = await Tocsin.start(t, { TOCSIN_SITE: site, TOCSIN_SIMULATORS: 'off', TOCSIN_DATA: data });
      await fullDisk(t, tocsin, await twoPhones(t, tocsin), disk);
    } finally {
      await tocsin?.stop();
      // Lazily: whoever still looks at a file of it must not keep the test from ending.
      execFileSync('umount', ['-l', disk]);
      await rm(disk, { recursive: true });
    }
  },
);

// --- what must always work ---

interface Phones {
  a: Baresip;
  b: Baresip;
  /** The process that served from the beginning. */
  pid: number;
}

async function twoPhones(t: TestContext, tocsin: Tocsin): Promise<Phones> {
  const [a, b] = await Promise.all([
    Baresip.start(t, { user: '1005', server: tocsin.sip, toneHz: 500 }),
    Baresip.start(t, { user: '1006', server: tocsin.sip, toneHz: 900, transport: 'tcp' }),
  ]);
  return { a, b, pid: tocsin.pid };
}

async function stillWorks(tocsin: Tocsin, { a, b, pid }: Phones): Promise<void> {
  assert.equal((await fetch(`${tocsin.http}/api/health`)).status, 200);
  await callBetween(a, b);
  assert.equal(tocsin.pid, pid);
  process.kill(pid, 0);
}

async function refusal(response: Response): Promise<{ status: number; code: string; message: string }> {
  const body = (await response.json()) as { code: string; message: string };
  return { status: response.status, ...body };
}

// --- the faults ---

async function wrongPassword(tocsin: Tocsin): Promise<void> {
  const attempt = async () => {
    const response = await fetch(`${tocsin.http}/api/session`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ username: 'lead', password: 'not-this-one' }),
    });
    return { ...(await refusal(response)), retryAfter: response.headers.get('retry-after') };
  };
  const first = await attempt();
  assert.deepEqual([first.status, first.code], [401, 'LOGIN_FAILED']);
  assert.match(first.message, /user name or the password is wrong/);
  const throttled = await until('guessing is slowed down', async () => {
    const next = await attempt();
    return next.status === 429 && next;
  });
  assert.equal(throttled.code, 'LOGIN_THROTTLED');
  assert.match(throttled.message, /Too many failed log-ins/);
  assert.ok(Number(throttled.retryAfter) >= 1, 'Retry-After says when');
  // Nobody else is locked out by it.
  await tocsin.login('dispatcher');
  const nobody = await fetch(`${tocsin.http}/api/plans`, { headers: { authorization: 'Bearer nonsense' } });
  assert.deepEqual([nobody.status, (await refusal(nobody)).code], [401, 'SESSION_UNKNOWN']);
  const observer = await tocsin.login('observer');
  const denied = await refusal(await tocsin.request('POST', '/api/plans/flood-level-1/runs', {}, observer));
  assert.deepEqual([denied.status, denied.code], [403, 'RIGHT_MISSING']);
}

async function unknownThings(tocsin: Tocsin): Promise<void> {
  const ask = async (method: string, path: string, body?: unknown) =>
    await refusal(await tocsin.request(method, path, body));
  const plan = await ask('POST', '/api/plans/no-such-plan/runs', {});
  assert.deepEqual([plan.status, plan.code], [404, 'PLAN_UNKNOWN']);
  assert.match(plan.message, /no plan with this name: no-such-plan/);
  assert.deepEqual(
    [(await ask('GET', '/api/runs/run-none')).code, (await ask('GET', '/api/nothing/here')).code],
    ['RUN_UNKNOWN', 'NOT_FOUND'],
  );
  const command = await ask('POST', '/api/commands', { do: 'alarm.acknowledge' });
  assert.deepEqual([command.status, command.code], [400, 'REQUEST_MALFORMED']);
  const alarm = await ask('POST', '/api/commands', { do: 'alarm.acknowledge', alarm: 'alarm-none' });
  assert.deepEqual([alarm.status, alarm.code], [404, 'ALARM_UNKNOWN']);
  const headers = { authorization: `Bearer ${tocsin.token}`, 'content-type': 'application/json' };
  const send = async (body: string) =>
    await refusal(await fetch(`${tocsin.http}/api/commands`, { method: 'POST', headers, body }));
  assert.deepEqual((await send('{"do":')).status, 400);
  assert.deepEqual((await send(JSON.stringify({ do: 'x'.repeat(2_000_000) }))).code, 'TOO_LARGE');
}

async function malformedPlan(tocsin: Tocsin): Promise<void> {
  interface Check {
    kind: string;
    problems: { line: number; column: number; zh: string; en: string }[];
  }
  const check = (document: string) => tocsin.post<Check>('/api/plans/check', { document });
  const broken = await check('id: flood\nname: { zh: 防汛\nsteps: [\n');
  assert.equal(broken.kind, 'invalid');
  assert.ok(broken.problems[0]!.line >= 2 && broken.problems[0]!.column >= 1, JSON.stringify(broken));
  const stranger = await check(`id: flood
version: '1'
name: { zh: 防汛, en: Flood }
steps:
  - id: call
    kind: call-one-of
    name: { zh: 呼叫, en: Call }
    people: [nobody-of-this-name]
    say: { zh: 请确认, en: Confirm }
`);
  assert.equal(stranger.kind, 'invalid');
  assert.deepEqual(
    [stranger.problems[0]!.line, stranger.problems[0]!.column],
    [8, 14],
    JSON.stringify(stranger.problems),
  );
  assert.match(stranger.problems[0]!.zh, /nobody-of-this-name/);
}

async function mqttGarbage(tocsin: Tocsin): Promise<void> {
  // Bytes that are no MQTT, a packet that claims to be enormous, one that stops in the middle, a connection that says nothing.
  const junk = [
    randomBytes(4096),
    Buffer.from('GET / HTTP/1.1\r\n\r\n'),
    Buffer.from([0x10, 0xff, 0xff, 0xff, 0x7f]),
    Buffer.from([0x30, 0xff, 0xff, 0xff, 0xff, 0xff]),
    Buffer.from([0x10, 0x20, 0x00, 0x04, 0x4d, 0x51]),
    Buffer.alloc(0),
    ...Array.from({ length: 50 }, () => randomBytes(1 + Math.floor(Math.random() * 600))),
  ];
  await Promise.all(junk.map((bytes) => overTcp(tocsin.mqttPort, [bytes])));

  const device = await connectAsync(`mqtt://${tocsin.mqtt}`, { reconnectPeriod: 0 });
  const topic = 'tocsin/demo/device/ek-0417/alarm';
  const bodies = ['{"kind":', 'null', '[]', '"text"', '{"kind":"no-such-kind"}', '', '{"level":9}', randomBytes(300)];
  for (const body of bodies) await device.publishAsync(topic, body, { qos: 1 });
  await device.publishAsync('tocsin/demo/device/%00/alarm', '{}', { qos: 0 });
  const malformed = await until('each malformed message is on the timeline', async () => {
    const entries = await tocsin.timeline({ kind: 'gateway.message-malformed' });
    return entries.length >= bodies.length - 1 && entries;
  });
  assert.ok(malformed.every(({ data }) => String(data['topic']).includes('ek-0417') && data['why']));
  // The next, well-formed, is an alarm as ever.
  const sound = await connectAsync(`mqtt://${tocsin.mqtt}`, { reconnectPeriod: 0 });
  await sound.publishAsync(topic, JSON.stringify({ kind: 'one-key' }), { qos: 1 });
  await until('the alarm is raised', async () =>
    (await tocsin.timeline({ kind: 'alarm.raised' })).some(({ data }) => data['device'] === 'ek-0417'),
  );
  await Promise.all([device.endAsync(true), sound.endAsync(true)]);
}

/** Everything that is no message, or hardly one. */
function sipNoise(): Buffer[] {
  const cut = TORTURE.flatMap((message) =>
    Array.from({ length: 4 }, () => message.subarray(0, Math.floor(Math.random() * message.length))),
  );
  const bent = TORTURE.flatMap((message) =>
    Array.from({ length: 4 }, () => {
      const copy = Buffer.from(message);
      for (let n = 0; n < 5; n += 1) copy[Math.floor(Math.random() * copy.length)] = Math.floor(Math.random() * 256);
      return copy;
    }),
  );
  const random = Array.from({ length: 500 }, () => randomBytes(1 + Math.floor(Math.random() * 1400)));
  return [...TORTURE, ...cut, ...bent, ...random, Buffer.from('\r\n\r\n'), Buffer.alloc(65_000, 0x41)];
}

async function sipGarbage(t: TestContext, tocsin: Tocsin): Promise<void> {
  const noise = sipNoise();
  const socket = createSocket('udp4');
  for (const [n, bytes] of noise.entries()) {
    await new Promise<void>((resolve) => socket.send(bytes, tocsin.sipPort, '127.0.0.1', () => resolve()));
    // The system's own buffer must not be what drops them.
    if (n % 50 === 0) await pause(5);
  }
  socket.close();
  // Each on a connection of its own, then all on one, then connections that break off.
  for (let at = 0; at < noise.length; at += 40)
    await Promise.all(noise.slice(at, at + 40).map((bytes) => overTcp(tocsin.sipPort, [bytes])));
  await overTcp(tocsin.sipPort, noise);
  await overTcp(tocsin.sipPort, [
    Buffer.from('INVITE sip:1005@127.0.0.1 SIP/2.0\r\nContent-Length: 99999999999\r\n\r\n'),
  ]);
  t.diagnostic(`${noise.length} messages by UDP, as many by TCP`);

  const run = promisify(execFile);
  const { stdout } = await run('sipsak', ['-s', `sip:ping@${tocsin.sip}`, '-v'], { timeout: 30_000 });
  assert.match(stdout, /SIP\/2\.0 200 OK/);
  const folder = await testFolder(t, 'sipp');
  const scenario = join(folder, 'registers-and-calls.xml');
  const written = readFileSync(join(SIP, 'user-agent/peers/registers-and-calls.xml'), 'utf8');
  await writeFile(
    scenario,
    written.replaceAll('password=secret', 'password=tocsin-demo').replaceAll('sip:b@', 'sip:1005@'),
  );
  for (const transport of ['u1', 't1'])
    await run(
      'sipp',
      [
        tocsin.sip,
        '-sf',
        scenario,
        '-t',
        transport,
        '-i',
        '127.0.0.1',
        '-p',
        String(await freePort()),
        '-m',
        '1',
        '-nostdin',
        '-timeout',
        '30',
      ],
      { cwd: folder, timeout: 40_000 },
    );
}

async function webSocketGarbage(t: TestContext, tocsin: Tocsin): Promise<void> {
  const address = tocsin.http.replace('http', 'ws');
  // A browser phone's door: nonsense as text and as bytes, each on its own connection, and RFC 4475's on one.
  const noise = [...TORTURE.slice(0, 20), randomBytes(2000), Buffer.alloc(70_000, 0x41), Buffer.from('\r\n\r\n')];
  await overWebSocket(`${address}/sip`, 'sip', noise);
  for (const bytes of noise) await overWebSocket(`${address}/sip`, 'sip', [bytes, bytes.toString('latin1')]);
  await overWebSocket(`${address}/sip`, undefined, ['without the subprotocol']);
  await overWebSocket(`${address}/nowhere`, 'sip', ['to nowhere']);
  // The console's door, without and with the first packets of engine.io and socket.io.
  const packets = [
    '',
    '9',
    '40',
    '40{"token":',
    '40{"token":"guess"}',
    '42["command"',
    '42["command",{}]',
    '451-',
    'x'.repeat(300_000),
  ];
  for (const packet of packets)
    await overWebSocket(`${address}/socket.io/?EIO=4&transport=websocket`, undefined, [packet]);
  await overWebSocket(`${address}/socket.io/?EIO=4&transport=websocket`, undefined, [...packets, randomBytes(500)]);
  // Bytes that are no WebSocket after the handshake, and handshakes that break off.
  const port = Number(new URL(tocsin.http).port);
  for (const path of ['/sip', '/socket.io/?EIO=4&transport=websocket', '/elsewhere']) {
    const handshake = `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\nSec-WebSocket-Protocol: sip\r\n\r\n`;
    await overTcp(port, [Buffer.from(handshake), randomBytes(3000)]);
    await overTcp(port, [Buffer.from(handshake.slice(0, 60))]);
    await overTcp(port, [Buffer.from(handshake)], { isReset: true });
  }
  await overTcp(port, [randomBytes(2000)]);

  // Whoever is logged in and sends nonsense gets an answer for each, and his connection lives on.
  const socket = io(tocsin.http, { auth: { token: await tocsin.login('dispatcher') }, transports: ['websocket'] });
  t.after(() => socket.close());
  await until('the console is connected', () => socket.connected);
  const answer = (event: string, ...body: unknown[]) =>
    socket.timeout(20_000).emitWithAck(event, ...body) as Promise<{ ok: boolean; code?: string; message?: string }>;
  for (const body of [
    undefined,
    null,
    7,
    'x',
    [],
    {},
    { do: 'no-such' },
    { do: 'plan.start' },
    { do: 'call.end', call: {} },
  ]) {
    const said = await answer('command', body);
    assert.deepEqual([said.ok, said.code], [false, 'REQUEST_MALFORMED'], JSON.stringify(body));
    assert.ok(said.message);
  }
  const video = await answer('video', { nonsense: true });
  assert.equal(video.ok, false);
  socket.emit('command');
  socket.emit('no-such-event', randomBytes(100));
  assert.equal((await answer('command', { do: 'incident.open', title: '测试', level: 4 })).ok, true);
}

async function deadCentre(t: TestContext, tocsin: Tocsin, desk: Console, port: number): Promise<void> {
  const link = () => desk.all('links').find(({ id }) => id === 'sms');
  await until('the desk shows that no texts go out', () => link()?.state === 'down' || link()?.state === 'degraded');
  const sent = await desk.command({
    do: 'text.send',
    targets: [{ person: 'zhao-guodong' }, { person: 'zhang-haiyan' }],
    text: '请速到岗',
  });
  assert.ok(sent.ok, JSON.stringify(sent));
  const queued = await until('the texts are kept', async () => {
    const entries = await tocsin.timeline({ kind: 'text.queued' });
    return entries.length >= 2 && entries;
  });
  assert.equal((await tocsin.timeline({ kind: 'text.sent' })).length, 0);
  t.diagnostic(`while it is dead the desk shows: ${JSON.stringify(link())}`);
  const { smsc } = await edges(t, {
    site: 'demo',
    mqttUrl: 'mqtt://127.0.0.1:1',
    dataFolder: await testFolder(t, 'edge'),
    smsc: { port },
  });
  await until(
    'both are delivered',
    async () => (await tocsin.timeline({ kind: 'text.delivered' })).length >= queued.length,
    60_000,
  );
  assert.deepEqual(smsc!.submits.map(({ to }) => to).sort(), ['13800001006', '13800006621']);
  await until('the desk shows that texts go out again', () => link()?.state === 'works');
}

async function fullDisk(t: TestContext, tocsin: Tocsin, phones: Phones, disk: string): Promise<void> {
  interface Health {
    status: string;
    parts: Record<string, 'ok' | { problem?: string }>;
  }
  const health = () => tocsin.get<Health>('/api/health');
  await stillWorks(tocsin, phones);
  const { incident: opened } = (await tocsin.command({ do: 'incident.open', title: '磁盘', level: 4 })) as {
    incident: string;
  };
  let pending = 0;
  const filler = join(disk, 'filler');
  const file = await open(filler, 'w');
  const fill = async () => {
    const block = Buffer.alloc(64 * 1024);
    for (;;)
      try {
        await file.write(block);
      } catch (error) {
        assert.equal((error as NodeJS.ErrnoException).code, 'ENOSPC');
        return;
      }
  };
  await fill();

  // A call makes entries and a recording, for which there is no room.
  await callBetween(phones.a, phones.b);
  const problem = await until(
    'health tells of the full disk',
    async () => {
      await fill();
      // Enough to fill the pages that the database has left.
      for (; pending < 100; pending += 1)
        void tocsin
          .command({ do: 'incident.mark', incident: opened, text: randomBytes(240).toString('hex') })
          .catch(() => {})
          .finally(() => (pending -= 1));
      const { status, parts } = await health();
      const said = JSON.stringify(parts);
      return status === 'degraded' && /full|space/i.test(said) && said;
    },
    60_000,
  );
  t.diagnostic(`health: ${problem}`);
  await stillWorks(tocsin, phones);
  await stillWorks(tocsin, phones);

  await file.close();
  await rm(filler);
  await until('all is well again', async () => !/full|space/i.test(JSON.stringify((await health()).parts)), 60_000);
  await stillWorks(tocsin, phones);
  await until('what waited is written', async () => (await tocsin.timeline({ kind: 'call.ended' })).length >= 5);
  const verification = await tocsin.get<{ kind: string }>('/api/timeline/verification');
  assert.equal(verification.kind, 'whole');
}

// --- ways in ---

/** Sends bytes over a connection of its own and waits until the far end closes it, or says nothing for a moment. */
function overTcp(port: number, pieces: Buffer[], { isReset = false } = {}): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      for (const piece of pieces) socket.write(piece);
      if (isReset) setTimeout(() => socket.resetAndDestroy(), 50);
    });
    socket.setTimeout(300, () => socket.destroy());
    socket.on('error', () => {});
    socket.on('data', () => {});
    socket.on('close', () => resolve());
  });
}

function overWebSocket(url: string, protocol: string | undefined, messages: (Buffer | string)[]): Promise<void> {
  return new Promise((resolve) => {
    const socket = new WebSocket(url, protocol);
    const timer = setTimeout(() => socket.close(), 400);
    socket.addEventListener('open', () => messages.forEach((message) => socket.send(message)));
    socket.addEventListener('error', () => {});
    socket.addEventListener('close', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

/** A file system of our own takes root, and a kernel that lets us. */
function canMount(): boolean {
  if (process.getuid?.() !== 0) return false;
  try {
    const folder = execFileSync('mktemp', ['-d']).toString().trim();
    execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', folder], { stdio: 'ignore' });
    execFileSync('umount', [folder], { stdio: 'ignore' });
    execFileSync('rmdir', [folder]);
    return true;
  } catch {
    return false;
  }
}
