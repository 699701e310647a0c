import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { TestContext } from 'node:test';
import { chromium, type Page } from 'playwright-core';
import { systemChance } from '#kernel/chance.ts';
import { systemClock } from '#kernel/clock.ts';
import { silentLog } from '#kernel/log.ts';
import { openSfu, type Sfu } from './sfu.ts';

/** The worker's binary on this machine; undefined when there is none. */
function workerPath(): string | undefined {
  const named = process.env['TOCSIN_MEDIASOUP_WORKER'] ?? process.env['MEDIASOUP_WORKER_BIN'];
  if (named) return named;
  const cache =
    process.env['TOCSIN_CACHE'] ?? join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'tocsin');
  if (!existsSync(cache)) return undefined;
  const name = readdirSync(cache).find((each) => /^mediasoup-worker-[\w.]+-[\w-]+-p\d+(\.exe)?$/.test(each));
  return name && join(cache, name);
}

const chromiumPath = (): string | undefined =>
  [process.env['TOCSIN_CHROMIUM'], '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(
    (path) => path !== undefined && existsSync(path),
  );

/** The reason why a test with a real browser cannot run here, or false. Only what is truly absent is a reason. */
export function cannotRun(): string | false {
  if (!workerPath()) return 'the media worker is not built on this machine';
  return chromiumPath() ? false : 'there is no Chromium on this machine';
}

/** A running sfu on loopback, ready for browsers. Closed with the test. */
export async function readySfu(t: TestContext): Promise<Sfu> {
  const sfu = await openSfu({
    workerPath: workerPath(),
    host: '127.0.0.1',
    webRtcPort: 0,
    clock: systemClock,
    chance: systemChance,
    log: silentLog,
  });
  t.after(() => sfu[Symbol.asyncDispose]());
  await new Promise<void>((resolve, reject) => {
    const look = () => {
      if (sfu.state.kind === 'ready') resolve();
      if (sfu.state.kind === 'failed') reject(new Error(sfu.state.why));
    };
    sfu.on('state', look);
    look();
  });
  return sfu;
}

interface TestBrowser {
  openPage(options?: { body?: string; scripts?: string[] }): Promise<Page>;
  /** Stops every process of the browser, as a suspended phone does, or lets them go on. Linux only. */
  freeze(isFrozen: boolean): void;
}

/** A headless Chromium with a microphone (and camera) of its own. Closed with the test. */
export async function openBrowser(
  t: TestContext,
  { microphone, camera }: { microphone?: string; camera?: string } = {},
): Promise<TestBrowser> {
  const before = new Set(children());
  const browser = await chromium.launch({
    executablePath: chromiumPath(),
    headless: true,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--use-fake-ui-for-media-stream',
      '--use-fake-device-for-media-stream',
      '--autoplay-policy=no-user-gesture-required',
      '--disable-features=WebRtcHideLocalIpsWithMdns',
      '--allow-loopback-in-peer-connection',
      ...(microphone === undefined ? [] : [`--use-file-for-fake-audio-capture=${microphone}`]),
      ...(camera === undefined ? [] : [`--use-file-for-fake-video-capture=${camera}`]),
    ],
  });
  // Of its own process group, as it is started detached.
  const started = children().find((pid) => !before.has(pid));
  const freeze = (isFrozen: boolean) => {
    assert(started, 'the browser’s process was not found');
    process.kill(-started, isFrozen ? 'SIGSTOP' : 'SIGCONT');
  };
  t.after(() => {
    if (started) freeze(false);
    return browser.close();
  });
  const context = await browser.newContext();
  return {
    freeze,
    async openPage({ body = '', scripts = [] } = {}) {
      const inline = scripts.map((script) => `<script>${script.replaceAll('</script', '<\\/script')}</script>`);
      const server = createServer((_request, response) => {
        response.setHeader('content-type', 'text/html; charset=utf-8');
        response.end(`<!doctype html>${body}${inline.join('')}`);
      });
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      t.after(() => server.close());
      const address = server.address();
      assert(address && typeof address === 'object');
      const page = await context.newPage();
      page.on('pageerror', (error) => t.diagnostic(`page: ${error.message}`));
      await page.goto(`http://127.0.0.1:${address.port}/`);
      await page.evaluate(PAGE_KIT);
      return page;
    },
  };
}

/** Processes that this one has started; none where the system has no /proc. */
function children(): number[] {
  const file = `/proc/self/task/${process.pid}/children`;
  return existsSync(file) ? readFileSync(file, 'utf8').trim().split(/\s+/).map(Number) : [];
}

/** mediasoup-client as one script that leaves itself on the page as `mediasoupClient`, as the console's build bundles it. */
export async function mediasoupClientScript(): Promise<string> {
  const fromConsole = createRequire(new URL('../../../console/package.json', import.meta.url));
  const vitePath = join(fromConsole.resolve('vite/package.json'), '../dist/node/index.js');
  const vite = (await import(pathToFileURL(vitePath).href)) as typeof import('vite');
  const entry = 'virtual:entry';
  const built = await vite.build({
    configFile: false,
    logLevel: 'silent',
    root: new URL('../../../console/', import.meta.url).pathname,
    define: { 'process.env.NODE_ENV': '"production"', global: 'globalThis' },
    plugins: [
      {
        name: 'entry',
        resolveId: (id: string) => (id === entry ? `\0${entry}` : undefined),
        load: (id: string) =>
          id === `\0${entry}` ? `import * as m from 'mediasoup-client'; globalThis.mediasoupClient = m;` : undefined,
      },
    ],
    build: { write: false, minify: false, rollupOptions: { input: entry, output: { format: 'iife' } } },
  });
  const output = (Array.isArray(built) ? built[0] : built) as { output: { type: string; code?: string }[] };
  const code = output.output[0]?.code;
  assert(code, 'the bundle is empty');
  return code;
}

/** What runs in every page: a source of tones, and ears that name the loudest tone heard. */
const PAGE_KIT = `
globalThis.kit = {
  /** A stream with a tone in it. */
  tone(hz) {
    const context = new AudioContext();
    const oscillator = new OscillatorNode(context, { frequency: hz });
    const out = context.createMediaStreamDestination();
    oscillator.connect(new GainNode(context, { gain: 0.3 })).connect(out);
    oscillator.start();
    return out.stream;
  },
  /** Ears for a stream: loudest() is {hz, db} now. */
  ears(stream) {
    const context = new AudioContext({ sampleRate: 48000 });
    const analyser = new AnalyserNode(context, { fftSize: 8192 });
    // Chromium decodes a remote stream only when an element plays it.
    const element = new Audio(); element.srcObject = stream; element.muted = true; element.play();
    context.createMediaStreamSource(stream).connect(analyser);
    const bins = new Float32Array(analyser.frequencyBinCount);
    return {
      loudest() {
        analyser.getFloatFrequencyData(bins);
        let best = 0;
        bins.forEach((db, index) => { if (db > bins[best]) best = index; });
        return { hz: Math.round(best * 48000 / 8192), db: Math.round(bins[best]) };
      },
    };
  },
  async until(check, ms = 8000) {
    const end = performance.now() + ms;
    for (;;) {
      const value = await check();
      if (value) return value;
      if (performance.now() > end) throw new Error('waited in vain for ' + check);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  },
};
`;
