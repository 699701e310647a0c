import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { chromium, type BrowserContext, type Page } from 'playwright-core';
import { EARS } from './ears.ts';
import { writeMicrophone } from './microphone.ts';
import type { Tocsin } from './tocsin.ts';
import { until } from './wait.ts';

const CHROMIUM = [
  process.env['TOCSIN_CHROMIUM'],
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
].find((path) => path !== undefined && existsSync(path));

/** The reason why a story with a browser cannot be told here, or false. */
export const noBrowser: string | false = CHROMIUM === undefined && 'there is no Chromium on this machine';

/** The media worker may still be being made when a story begins: it takes minutes on a slow machine. */
const MEDIA_WORKER_WITHIN_MS = 600_000;

/** A real Chromium without a window, with a microphone that says a tone. */
export class Browser {
  readonly #t: TestContext;
  readonly #context: BrowserContext;

  private constructor(t: TestContext, context: BrowserContext) {
    this.#t = t;
    this.#context = context;
  }

  static async start(
    t: TestContext,
    options: {
      microphoneHz: number;
      /** A y4m file, played in a circle. */
      camera?: string;
      size?: { width: number; height: number };
      isPhone?: boolean;
      /** Believes any certificate. */
      isTrusting?: boolean;
      location?: { latitude: number; longitude: number; accuracy: number };
    },
  ): Promise<Browser> {
    const folder = await mkdtemp(join(tmpdir(), 'tocsin-browser-'));
    const microphone = join(folder, 'microphone.wav');
    await writeMicrophone(microphone, options.microphoneHz);
    const browser = await chromium.launch({
      executablePath: CHROMIUM,
      headless: true,
      args: [
        '--no-sandbox',
        '--disable-gpu',
        '--use-fake-ui-for-media-stream',
        '--use-fake-device-for-media-stream',
        `--use-file-for-fake-audio-capture=${microphone}`,
        ...(options.isTrusting ? ['--ignore-certificate-errors'] : []),
        ...(options.camera ? [`--use-file-for-fake-video-capture=${options.camera}`] : []),
        '--autoplay-policy=no-user-gesture-required',
        '--disable-features=WebRtcHideLocalIpsWithMdns',
        '--allow-loopback-in-peer-connection',
      ],
    });
    t.after(async () => {
      await browser.close();
      await rm(folder, { recursive: true, force: true });
    });
    const context = await browser.newContext({
      viewport: options.size ?? { width: 1920, height: 1080 },
      locale: 'zh-CN',
      ...(options.isPhone ? { isMobile: true, hasTouch: true } : {}),
      ...(options.location ? { geolocation: options.location, permissions: ['geolocation'] } : {}),
    });
    context.setDefaultTimeout(60_000);
    await context.addInitScript(EARS);
    return new Browser(t, context);
  }

  /** Opens an address, when `prepare` has done with the page. What goes wrong in it is told with the test. */
  async open(url: string, prepare?: (page: Page) => Promise<void>): Promise<Page> {
    const page = await this.#context.newPage();
    page.on('pageerror', (error) => this.#t.diagnostic(`page: ${error.message}`));
    await prepare?.(page);
    await page.goto(url);
    return page;
  }

  /** Opens a page that is nothing but this script. */
  async openScript(script: string): Promise<Page> {
    const server = createServer((request, response) => {
      response.setHeader('content-type', 'text/html; charset=utf-8');
      response.end(`<!doctype html><script>${script.replaceAll('</script', '<\\/script')}</script>`);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    this.#t.after(() => server.close());
    return await this.open(`http://127.0.0.1:${(server.address() as { port: number }).port}/`);
  }
}

/** Waits until browsers can be spoken with. */
export async function readyForBrowsers(tocsin: Tocsin): Promise<void> {
  let problem: string | undefined;
  await until(
    'browsers can be spoken with',
    async () => {
      const { parts } = await tocsin.get<{ parts: { webrtc: 'ok' | { problem?: string } } }>('/api/health');
      problem = parts.webrtc === 'ok' ? undefined : parts.webrtc.problem;
      return parts.webrtc === 'ok' || problem !== undefined;
    },
    MEDIA_WORKER_WITHIN_MS,
  );
  if (problem !== undefined) throw new Error(`browsers cannot be spoken with: ${problem}`);
}

/** Keeps a picture of the page, when SCENARIO_SHOTS names a folder. */
export async function shoot(page: Page, name: string): Promise<void> {
  const folder = process.env['SCENARIO_SHOTS'];
  if (!folder) return;
  await mkdir(folder, { recursive: true });
  await page.screenshot({ path: join(folder, `${name}.png`) });
}
