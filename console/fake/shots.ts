/**
 * Takes pictures of the console (console/build, build it first) on the stand-in server, to be looked at beside the design.
 *
 *   node fake/shots.ts [name…]        into shots/ ; a name is the start of a picture's name, e.g. `desk` or `desk-light`
 */
import { mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { serveFake } from './serve.ts';
import type { StoryName } from './story.ts';

interface Shot {
  name: string;
  path: string;
  story?: StoryName;
  size?: [width: number, height: number];
  theme?: 'dark' | 'light';
  language?: 'zh' | 'en';
  loggedOut?: boolean;
  /** What is pressed with the pointer before the picture: the first that each selector finds. */
  clicks?: string[];
  /** Keys pressed before the picture, in order. */
  keys?: string[];
  /** The link breaks before the picture. */
  isLost?: boolean;
}

const WIDE: [number, number] = [1920, 1080];
const NARROW: [number, number] = [1366, 768];
const HAND: [number, number] = [390, 844];

const SHOTS: Shot[] = [
  { name: 'login', path: '/login', loggedOut: true, story: 'empty' },
  { name: 'login-en-light', path: '/login', loggedOut: true, story: 'empty', language: 'en', theme: 'light' },
  { name: 'login-hand', path: '/login', loggedOut: true, story: 'empty', size: HAND },
  { name: 'desk', path: '/desk' },
  { name: 'desk-light', path: '/desk', theme: 'light' },
  { name: 'desk-en', path: '/desk', language: 'en' },
  { name: 'desk-1366', path: '/desk', size: NARROW },
  { name: 'desk-1366-en', path: '/desk', size: NARROW, language: 'en', theme: 'light' },
  { name: 'desk-empty', path: '/desk', story: 'empty' },
  { name: 'desk-empty-en-1366', path: '/desk', story: 'empty', language: 'en', size: NARROW },
  { name: 'desk-drill', path: '/desk', story: 'drill' },
  { name: 'desk-crowd', path: '/desk', story: 'crowd' },
  { name: 'desk-flood', path: '/desk', story: 'flood' },
  { name: 'desk-hand', path: '/desk', size: HAND },
  { name: 'desk-lost', path: '/desk', isLost: true },
  { name: 'desk-lost-en-1366', path: '/desk', isLost: true, language: 'en', size: NARROW, theme: 'light' },
  { name: 'desk-help', path: '/desk', keys: ['?'] },
  { name: 'dialog-page', path: '/desk', keys: ['b'] },
  { name: 'dialog-text', path: '/desk', keys: ['t'], theme: 'light' },
  { name: 'dialog-meet-en', path: '/desk', keys: ['n', 'z', 'h'], language: 'en' },
  { name: 'check', path: '/check' },
  { name: 'check-hand', path: '/check', size: HAND },
  { name: 'texts', path: '/texts' },
  { name: 'texts-hand', path: '/texts', size: HAND },
  { name: 'calls', path: '/calls' },
  { name: 'calls-hand', path: '/calls', size: HAND },
  { name: 'calls-en-light', path: '/calls', language: 'en', theme: 'light', size: NARROW },
  { name: 'orders', path: '/orders' },
  { name: 'orders-hand', path: '/orders', size: HAND },
  { name: 'dialog-order', path: '/desk', keys: ['o'] },
  { name: 'trunks', path: '/settings/trunks' },
  { name: 'recordings', path: '/recordings', keys: ['Tab'] },
  { name: 'recordings-playing', path: '/recordings', clicks: ['li:nth-child(2) button'] },
  { name: 'recordings-delete', path: '/recordings', clicks: ['li .acts button'] },
  { name: 'recordings-hand', path: '/recordings', size: HAND, clicks: ['li:nth-child(2) button'] },
  { name: 'recordings-light-en-1366', path: '/recordings', size: NARROW, theme: 'light', language: 'en' },
  { name: 'search', path: '/desk', keys: ['/', 'z', 'h'] },
  { name: 'alarm', path: '/alarm/alarm-one-key', story: 'alarm' },
  { name: 'alarm-new', path: '/alarm/alarm-shiqiao', story: 'desk' },
  { name: 'alarm-en-1366', path: '/alarm/alarm-one-key', story: 'alarm', language: 'en', size: NARROW },
  { name: 'alarm-light', path: '/alarm/alarm-one-key', story: 'alarm', theme: 'light' },
  { name: 'alarm-hand', path: '/alarm/alarm-one-key', story: 'alarm', size: HAND },
  { name: 'run', path: '/run/run-flood' },
  { name: 'run-en-light', path: '/run/run-flood', language: 'en', theme: 'light' },
  { name: 'run-1366', path: '/run/run-flood', size: NARROW },
  { name: 'run-hand', path: '/run/run-flood', size: HAND },
  { name: 'settings', path: '/settings' },
  { name: 'settings-hand-en', path: '/settings', size: HAND, language: 'en' },
  { name: 'timeline', path: '/timeline?incident=incident-0412' },
  { name: 'timeline-replay', path: '/timeline?incident=incident-0412', keys: ['ArrowLeft', 'Space'] },
  { name: 'timeline-light-en', path: '/timeline', theme: 'light', language: 'en' },
  { name: 'timeline-1366', path: '/timeline', size: NARROW },
  { name: 'timeline-hand', path: '/timeline', size: HAND },
  { name: 'video', path: '/video' },
  { name: 'field', path: '/field/fake', size: HAND, loggedOut: true },
];

const folder = fileURLToPath(new URL('../shots/', import.meta.url));
mkdirSync(folder, { recursive: true });
const asked = process.argv.slice(2);
const exact = asked.filter((name) => name.endsWith('=')).map((name) => name.slice(0, -1));
const prefixes = asked.filter((name) => !name.endsWith('='));
const wanted = SHOTS.filter(
  ({ name }) => asked.length === 0 || exact.includes(name) || prefixes.some((prefix) => name.startsWith(prefix)),
);

const fake = await serveFake({ port: 0, story: 'desk' });
const browser = await chromium.launch({
  executablePath: process.env['CHROMIUM_BIN'] ?? '/usr/bin/chromium',
  headless: true,
  args: [
    '--no-sandbox',
    '--disable-gpu',
    '--use-fake-ui-for-media-stream',
    '--use-fake-device-for-media-stream',
    '--autoplay-policy=no-user-gesture-required',
    '--disable-features=WebRtcHideLocalIpsWithMdns',
    '--allow-loopback-in-peer-connection',
  ],
});

let troubles = 0;
for (const shot of wanted) {
  const [width, height] = shot.size ?? WIDE;
  const context = await browser.newContext({ viewport: { width, height }, reducedMotion: 'reduce' });
  await context.addInitScript(
    ([language, theme]) => {
      localStorage.setItem('tocsin.language', language);
      localStorage.setItem('tocsin.theme', theme);
    },
    [shot.language ?? 'zh', shot.theme ?? 'dark'] as const,
  );
  if (!shot.loggedOut) {
    await context.addCookies([{ name: 'tocsin_session', value: 'fake', url: fake.url }]);
  }
  const page = await context.newPage();
  page.on('console', (message) => {
    const text = message.text();
    if (message.type() === 'error' && !/\/sip|WebSocket|401|503/.test(text)) {
      troubles += 1;
      console.error(`  ${shot.name}: ${text}`);
    }
  });
  page.on('pageerror', (error) => {
    troubles += 1;
    console.error(`  ${shot.name}: ${error.stack ?? error.message}`);
  });
  fake.tell(shot.story ?? 'desk');
  await page.goto(fake.url + shot.path);
  await page.waitForTimeout(2200);
  for (const selector of shot.clicks ?? []) await page.locator(selector).first().click();
  if (shot.clicks) await page.waitForTimeout(600);
  for (const key of shot.keys ?? []) await page.keyboard.press(key);
  if (shot.keys) await page.waitForTimeout(300);
  if (shot.isLost) {
    fake.cut();
    await page.waitForTimeout(3200);
  }
  await page.screenshot({ path: `${folder}${shot.name}.png` });

  // What a person would see as broken: text that is cut without a sign, type below 11 px, a page that scrolls sideways.
  const faults = await page.evaluate(() => {
    const found: string[] = [];
    if (document.documentElement.scrollWidth > innerWidth)
      found.push(`page is ${document.documentElement.scrollWidth} px wide`);
    for (const element of document.querySelectorAll<HTMLElement>('body *')) {
      if (!element.checkVisibility() || element.closest('svg, .vh')) continue;
      const hasText = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent?.trim());
      if (hasText && Number.parseFloat(getComputedStyle(element).fontSize) < 11)
        found.push(`small: ${element.textContent?.trim()}`);
      const style = getComputedStyle(element);
      if (
        hasText &&
        element.scrollWidth > element.clientWidth + 1 &&
        style.overflowX === 'hidden' &&
        style.textOverflow !== 'ellipsis'
      ) {
        found.push(`cut: ${element.className} ${element.textContent?.trim().slice(0, 40)}`);
      }
      if (element.matches('button, a') && element.clientHeight > 0 && element.clientHeight < 22) {
        found.push(`low: ${element.textContent?.trim().slice(0, 40)}`);
      }
    }
    return found.slice(0, 8);
  });
  console.log(`${shot.name}.png${faults.map((fault) => `\n    ${fault}`).join('')}`);
  fake.mend();
  await context.close();
}
await browser.close();
await fake.close();
if (troubles > 0) process.exitCode = 1;
