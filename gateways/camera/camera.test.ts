import assert from 'node:assert/strict';
import { execFile, spawn, spawnSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { test, type TestContext } from 'node:test';
import { promisify } from 'node:util';
import fc from 'fast-check';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemChance as chance } from '@tocsin/server/kernel/chance.ts';
import { systemClock as clock } from '@tocsin/server/kernel/clock.ts';
import { silentLog as log } from '@tocsin/server/kernel/log.ts';
import { gatewayContract } from '../kit/contract.ts';
import { openTestBroker, until } from '../kit/test-broker.ts';
import { startCameraGateway } from './camera-gateway.ts';
import type { CameraConfig } from './camera.ts';
import { describe } from './rtsp/describe.ts';
import { authorize, readChallenge } from './rtsp/digest.ts';
import { RtspReader } from './rtsp/message.ts';
import { makeClip, type Clip } from './simulator/h264-clip.ts';
import { RtspCamera } from './simulator/rtsp-camera.ts';

const ffmpeg = process.env['TOCSIN_FFMPEG'] ?? 'ffmpeg';
const skip = spawnSync(ffmpeg, ['-version']).error ? 'there is no ffmpeg on this machine' : false;
const run = promisify(execFile);
const account = { username: 'viewer', password: "it's:secret/42" };
let clip: Promise<Clip> | undefined;

async function camera(t?: TestContext): Promise<RtspCamera> {
  const film = () => (clip ??= makeClip({ ffmpeg, hue: 0 }));
  const made = await RtspCamera.open({ ...account, clip: film, clock, chance });
  t?.after(() => made[Symbol.asyncDispose]());
  return made;
}

if (!skip)
  gatewayContract('camera', async (environment) => {
    const simulator = await camera();
    const cameras = [{ id: 'spillway', url: simulator.url, ...account }];
    const gateway = await startCameraGateway({ ...environment, id: 'under-test', ffmpeg, cameras });
    return {
      async [Symbol.asyncDispose]() {
        await gateway[Symbol.asyncDispose]();
        await simulator[Symbol.asyncDispose]();
      },
    };
  });

test('the simulated camera is one to ffprobe and ffmpeg, within the connection and by UDP', { skip }, async (t) => {
  const simulator = await camera(t);
  const url = new URL(simulator.url);
  url.username = account.username;
  url.password = encodeURIComponent(account.password);
  for (const transport of ['tcp', 'udp']) {
    const { stdout } = await run(ffmpeg, [
      ...['-hide_banner', '-loglevel', 'error', '-rtsp_transport', transport, '-i', url.href, '-frames:v', '15'],
      ...['-f', 'framemd5', '-'],
    ]);
    const pictures = new Set(stdout.split('\n').flatMap((line) => /, ([0-9a-f]{32})$/.exec(line)?.[1] ?? []));
    assert.ok(pictures.size >= 10, `${transport}: only ${pictures.size} different pictures`);
  }
});

test('what a camera says about itself is told apart from everything that can go wrong', { skip }, async (t) => {
  const simulator = await camera(t);
  const ask = async (address: { url: string; username?: string; password?: string }) => {
    const found = await describe(address, { clock, chance });
    return found.kind === 'described' ? found.codec : found.complaint.trouble;
  };
  assert.equal(await ask({ url: simulator.url, ...account }), 'H264');
  assert.equal(await ask({ url: simulator.url, ...account, password: 'wrong' }), 'camera-password-wrong');
  assert.equal(await ask({ url: simulator.url }), 'camera-password-wrong');
  assert.equal(await ask({ url: simulator.url.replace('stream1', 'stream9'), ...account }), 'camera-stream-unknown');
  simulator.manner = 'hangs-up';
  assert.equal(await ask({ url: simulator.url, ...account }), 'camera-not-rtsp');
  const nonsense = createServer((socket) => socket.resume().end('220 mail.example.org ESMTP\r\n\r\n'));
  await new Promise<void>((resolve) => nonsense.listen(0, '127.0.0.1', resolve));
  const { port } = nonsense.address() as { port: number };
  assert.equal(await ask({ url: `rtsp://127.0.0.1:${port}/stream1` }), 'camera-not-rtsp');
  await new Promise<void>((resolve) => nonsense.close(() => resolve()));
  assert.equal(await ask({ url: `rtsp://127.0.0.1:${port}/stream1` }), 'camera-unreachable');
});

test(
  'a picture that is wanted comes as SRTP, stops with its lease, and its password is on no command line',
  { skip },
  async (t) => {
    const { broker, simulator } = await site(t);
    const port = await evenPort();
    const srtpKey = Buffer.from(chance.bytes(30)).toString('base64');
    const stranger = receive(port, srtpKey, 20);
    await stranger.isListening;
    const ask = (command: string, forMs: number) =>
      broker.command('cameras', {
        ...{ kind: 'send-picture', command, camera: 'spillway', stream: 's-1', to: { host: '127.0.0.1', port } },
        ...{ ssrc: 77, payloadType: 102, srtpKey, forMs },
      });
    await ask('c-1', 60_000);
    await until(() => simulator.viewers === 1, 'the camera is pulled');
    const lines = commandLines();
    assert.ok(
      lines.some((line) => line.includes('srtp://')),
      'our sender is not among the processes',
    );
    assert.ok(!lines.some((line) => line.includes('secret')), 'the password can be read by everybody');
    const pictures = await stranger.pictures;
    assert.ok(pictures.size >= 10, `only ${pictures.size} different pictures came`);
    await ask('c-2', 1000);
    await until(() => simulator.viewers === 0, 'the lease ends the pull');
  },
);

test('each trouble of a camera is told with its reason, and the picture comes back by itself', { skip }, async (t) => {
  const { broker, simulator, gateway } = await site(t);
  const told = () => {
    const { detail = 'ready' } = broker.heard.online.at(-1)?.body.resources?.[0] ?? {};
    return detail.split(':')[0]!;
  };
  await broker.command('cameras', {
    ...{ kind: 'send-picture', command: 'c-1', camera: 'spillway', stream: 's-1' },
    ...{ to: { host: '127.0.0.1', port: await evenPort() }, ssrc: 77, payloadType: 102 },
    ...{ srtpKey: 'A'.repeat(40), forMs: 300_000 },
  });
  // A camera is ready before it is pulled, too: pictures that go out are what tells.
  const isPulled = () => simulator.viewers === 1 && told() === 'ready' && gateway.snapshot().cameras[0]!.pictures > 0;
  await until(isPulled, 'the camera is pulled', 30_000);
  simulator.manner = 'freezes';
  await until(() => told() === 'camera-silent', 'silence is told', 30_000);
  simulator.manner = 'works';
  await until(isPulled, 'it is pulled again', 30_000);
  simulator.manner = 'hangs-up';
  simulator.hangUp();
  await until(() => told() === 'camera-not-rtsp', 'the hang-up is told', 30_000);
  simulator.manner = 'works';
  await until(isPulled, 'it is pulled again after the hang-up', 30_000);
  const [pid] = senders();
  process.kill(pid!, 'SIGKILL');
  await until(() => told() === 'camera-sender-failed', 'our sender’s death is told', 30_000);
  await until(isPulled, 'another sender takes its place', 30_000);
  await simulator[Symbol.asyncDispose]();
  await until(() => told() === 'camera-unreachable', 'the unplugged camera is told', 30_000);
});

test('the published example of RFC 2617 is answered as it says', () => {
  const challenge = readChallenge([
    'Digest realm="testrealm@host.com", qop="auth,auth-int", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", opaque="5ccc069c403ebaf9f0171e9517f40e41"',
  ]);
  assert.ok(challenge);
  const said = authorize(
    challenge,
    { username: 'Mufasa', password: 'Circle Of Life' },
    { method: 'GET', uri: '/dir/index.html', cnonce: '0a4f113b' },
  );
  assert.match(said, /response="6629fae49393a05397450978507c4ef1"/);
  assert.match(said, /opaque="5ccc069c403ebaf9f0171e9517f40e41"/);
});

test('whatever bytes come in whatever pieces, the reader ends with pieces or a refusal', () => {
  const parts = fc.array(
    fc.oneof(
      fc.constant(Buffer.from('RTSP/1.0 200 OK\r\nCSeq: 1\r\nContent-Length: 3\r\n\r\nabc')),
      fc.constant(Buffer.from([0x24, 0, 0, 2, 1, 2])),
      fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
      fc.string({ maxLength: 40 }).map((text) => Buffer.from(`${text}\r\n\r\n`)),
    ),
    { maxLength: 12 },
  );
  fc.assert(
    fc.property(parts, fc.integer({ min: 1, max: 30 }), (all, cut) => {
      const bytes = Buffer.concat(all);
      const whole = new RtspReader().take(bytes);
      const reader = new RtspReader();
      let pieces: unknown[] | undefined = [];
      for (let at = 0; at < bytes.length && pieces; at += cut) {
        const more = reader.take(bytes.subarray(at, at + cut));
        pieces = more && [...pieces, ...more];
      }
      // However it was cut, the same comes out, but that nonsense may be found earlier.
      if (whole) assert.deepEqual(pieces, whole);
      else assert.equal(pieces, undefined);
    }),
    { numRuns: 500 },
  );
});

// --- helpers ---

async function site(t: TestContext) {
  const broker = await openTestBroker();
  const journalFolder = mkdtempSync(join(tmpdir(), 'tocsin-cameras-'));
  const simulator = await camera();
  const cameras: CameraConfig[] = [{ id: 'spillway', url: simulator.url, ...account }];
  const common = { site: broker.site, mqttUrl: broker.url, journalFolder, clock, chance, log };
  const gateway = await startCameraGateway({ ...common, id: 'cameras', ffmpeg, cameras });
  t.after(async () => {
    await gateway[Symbol.asyncDispose]();
    await simulator[Symbol.asyncDispose]();
    await broker[Symbol.asyncDispose]();
    rmSync(journalFolder, { recursive: true, force: true });
  });
  await until(() => broker.heard.online.some(({ body }) => body.online), 'the gateway is there');
  return { broker, simulator, gateway };
}

/** ffmpeg as somebody who knows nothing of us: decodes what is sent there, and tells the pictures apart. */
function receive(port: number, srtpKey: string, frames: number) {
  const sdp = [
    ...['v=0', 'o=- 0 0 IN IP4 127.0.0.1', 's=-', 'c=IN IP4 127.0.0.1', 't=0 0', `m=video ${port} RTP/SAVP 102`],
    ...['a=rtpmap:102 H264/90000', 'a=fmtp:102 packetization-mode=1'],
    ...[`a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:${srtpKey}`, ''],
  ].join('\r\n');
  const child = spawn(
    ffmpeg,
    [
      ...['-hide_banner', '-loglevel', 'error', '-protocol_whitelist', 'pipe,fd,udp,rtp,srtp'],
      ...['-f', 'sdp', '-i', 'pipe:0', '-frames:v', String(frames), '-f', 'framemd5', '-'],
    ],
    { stdio: ['pipe', 'pipe', 'inherit'] },
  );
  child.stdin.end(sdp);
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (more: string) => (text += more));
  const pictures = new Promise<Set<string>>((resolve) =>
    child.once('exit', () =>
      resolve(new Set(text.split('\n').flatMap((line) => /, ([0-9a-f]{32})$/.exec(line)?.[1] ?? []))),
    ),
  );
  const hex = `:${port.toString(16).toUpperCase().padStart(4, '0')} `;
  const isListening = until(() => readFileSync('/proc/net/udp', 'utf8').includes(hex), 'ffmpeg listens');
  return { pictures, isListening };
}

/** An even port that was free a moment ago, with the next one. */
async function evenPort(): Promise<number> {
  for (;;) {
    const socket = createSocket('udp4');
    await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
    const { port } = socket.address();
    await new Promise<void>((resolve) => socket.close(() => resolve()));
    if (port % 2 === 0) return port;
  }
}

/** The processes that this one has started, as everybody on the machine sees them. */
const processes = () =>
  spawnSync('ps', ['-o', 'pid=,args=', '--ppid', String(process.pid)], { encoding: 'utf8' })
    .stdout.split('\n')
    .filter((line) => line.trim() !== '');
const commandLines = () => processes();
const senders = () =>
  processes()
    .filter((line) => line.includes('srtp://'))
    .map((line) => parseInt(line, 10));
