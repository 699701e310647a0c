import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Page } from 'playwright-core';
import { Browser, noBrowser, readyForBrowsers } from './kit/browser.ts';
import { DeskPage } from './kit/desk-page.ts';
import { Tocsin } from './kit/tocsin.ts';
import { until } from './kit/wait.ts';

/** Where the pictures go, to be laid beside those of docs/pictures. */
const PICTURES = join(import.meta.dirname, '../test-results/screens');

const SIZES = [
  { name: 'desk', width: 1920, height: 1080 },
  { name: 'laptop', width: 1366, height: 768 },
  { name: 'phone', width: 390, height: 844 },
] as const;

const LOOKS = [
  { theme: 'dark', language: 'zh' },
  { theme: 'light', language: 'en' },
] as const;

const PAGES = (alarm: string, run: string) => [
  '/desk',
  `/alarm/${alarm}`,
  `/run/${run}`,
  '/timeline',
  '/calls',
  '/texts',
  '/orders',
  '/recordings',
  '/check',
  '/settings',
  '/settings/trunks',
  '/settings/security',
];

test(
  'during a run every page stands at every size, in both themes and languages: no error in the page, nothing beyond its edge',
  { skip: noBrowser },
  async (t) => {
    await mkdir(PICTURES, { recursive: true });
    const tocsin = await Tocsin.start(t, { TOCSIN_DEMO_PHONES: 'on' });
    await readyForBrowsers(tocsin);
    const browser = await Browser.start(t, { microphoneHz: 1000 });
    const { page } = await DeskPage.open(t, tocsin, browser);
    const complaints: string[] = [];
    page.on('pageerror', (error) => complaints.push(`${page.url()}: ${error.message}`));
    page.on('console', (message) => {
      if (message.type() === 'error') complaints.push(`${page.url()}: ${message.text()}`);
    });

    const token = await tocsin.login('dispatcher');
    await tocsin.command({ do: 'demo.press-device', device: 'ek-0417' }, token);
    const { id: run } = (await tocsin.command({ do: 'plan.start', plan: 'flood-level-1' }, token)) as { id: string };
    const alarm = await until(
      'the alarm is raised',
      async () => (await tocsin.timeline({ kind: 'alarm.raised' }))[0]?.alarm,
    );
    await until('people are in the conference', async () => {
      const { ledger } = await tocsin.run(run);
      return ledger.filter(({ channel, state }) => channel === 'voice' && state === 'joined').length >= 5;
    });

    for (const { theme, language } of LOOKS) {
      await page.evaluate(
        `localStorage.setItem('tocsin.theme', '${theme}'); localStorage.setItem('tocsin.language', '${language}')`,
      );
      for (const { name, width, height } of SIZES) {
        await page.setViewportSize({ width, height });
        for (const path of PAGES(String(alarm), run))
          await look(page, tocsin, path, `${path.split('/').slice(1).join('-')}-${name}-${theme}-${language}`);
      }
    }
    assert.deepEqual(complaints, []);
  },
);

/** Opens a page, waits until it stands, keeps a picture, and measures that nothing hangs over its edge. */
async function look(page: Page, tocsin: Tocsin, path: string, name: string): Promise<void> {
  await page.goto(`${tocsin.http}${path}`);
  await page.locator('main, [role=main]').first().waitFor();
  await page.evaluate('document.fonts.ready.then(() => true)');
  await page.screenshot({ path: join(PICTURES, `${name}.png`) });
  const beyond = Number(await page.evaluate('document.documentElement.scrollWidth - window.innerWidth'));
  const text = Number(await page.evaluate('document.body.innerText.length'));
  assert.ok(beyond <= 0, `${name}: ${beyond} px hang over the right edge`);
  assert.ok(text > 50, `${name}: the page is all but empty`);
}
