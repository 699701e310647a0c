/**
 * The console in a real browser against the stand-in: what a press does, and what is shown when the link breaks.
 * Needs console/build and Chromium: `vite build && node --test fake/console.story.ts`.
 */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { chromium, type Browser, type Page } from 'playwright-core';
import { serveFake, type Fake } from './serve.ts';
import type { StoryName } from './story.ts';

const CHROMIUM = process.env['CHROMIUM_BIN'] ?? '/usr/bin/chromium';
const isReady = existsSync(CHROMIUM) && existsSync(fileURLToPath(new URL('../build/index.html', import.meta.url)));
const options = { skip: isReady ? false : 'console/build or Chromium is missing' };

let fake: Fake;
let browser: Browser;
before(async () => {
  if (!isReady) return;
  fake = await serveFake({ port: 0, story: 'desk' });
  browser = await chromium.launch({
    executablePath: CHROMIUM,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--use-fake-ui-for-media-stream',
      '--use-fake-device-for-media-stream',
      '--autoplay-policy=no-user-gesture-required',
      '--allow-loopback-in-peer-connection',
    ],
  });
});
after(async () => {
  await browser?.close();
  await fake?.close();
});

async function desk(story: StoryName = 'desk', path = '/desk'): Promise<Page> {
  fake.tell(story);
  const context = await browser.newContext({ viewport: { width: 1920, height: 1080 } });
  await context.addCookies([{ name: 'tocsin_session', value: 'fake', url: fake.url }]);
  const page = await context.newPage();
  page.on('pageerror', (error) => assert.fail(error));
  await page.goto(fake.url + path);
  await page.getByRole('region', { name: '告警' }).waitFor();
  return page;
}

test('logging in leads to the desk; a wrong password says so and keeps the name', options, async () => {
  const page = await (await browser.newContext()).newPage();
  await page.goto(fake.url);
  await page.waitForURL('**/login');
  await page.getByLabel('密码').fill('wrong');
  await page.keyboard.press('Enter');
  await page.getByRole('alert').getByText('账号或密码不对').waitFor();
  assert.equal(await page.getByLabel('账号').inputValue(), 'dispatcher');
  await page.getByLabel('密码').fill('right');
  await page.getByRole('button', { name: '登录' }).click();
  await page.waitForURL('**/desk');
  await page.context().close();
});

test('K takes the first alarm and opens its page; what changed is what the server said', options, async () => {
  const page = await desk();
  await page.keyboard.press('k');
  await page.waitForURL('**/alarm/alarm-one-key');
  await page.getByText('待处置 2 · 处置中 3').waitFor();
  await page.getByText('青霉素').waitFor();
  await page.context().close();
});

test('a plan starts after 1.2 s of holding, not after a short press', options, async () => {
  const page = await desk();
  const plan = page.getByRole('button', { name: /^下游转移/ });
  const box = await plan.boundingBox();
  assert.ok(box);
  await page.mouse.move(box.x + 20, box.y + 20);
  await page.mouse.down();
  await page.waitForTimeout(400);
  await page.mouse.up();
  assert.match((await plan.textContent()) ?? '', /就绪/);
  await page.mouse.down();
  await page.getByText('下游转移 已启动').waitFor();
  await page.mouse.up();
  assert.match((await plan.textContent()) ?? '', /运行中/);
  await page.context().close();
});

test('who cannot hold is asked in words', options, async () => {
  const page = await desk();
  await page.getByRole('button', { name: /^溃坝应急疏散/ }).focus();
  await page.keyboard.press('Enter');
  await page.getByRole('dialog', { name: '启动「溃坝应急疏散」？' }).waitFor();
  await page.keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'detached' });
  await page.context().close();
});

test('the incoming call is answered with F2 and the first is held', options, async () => {
  const page = await desk();
  const phone = page.getByRole('contentinfo', { name: '话机' });
  await phone.getByRole('button', { name: /^退出/, disabled: false }).waitFor();
  await phone.getByText('来电 刘桂芳').waitFor();
  await page.keyboard.press('F2');
  await phone.getByText('保持', { exact: true }).first().waitFor();
  await phone.getByRole('button', { name: /挂断/ }).first().waitFor();
  await page.context().close();
});

test('the language changes without a reload and is remembered', options, async () => {
  const page = await desk();
  await page.getByRole('button', { name: 'EN' }).click();
  await page.getByRole('heading', { name: 'Alarms' }).waitFor();
  await page.reload();
  await page.getByRole('heading', { name: 'Alarms' }).waitFor();
  assert.equal(await page.evaluate(() => document.documentElement.lang), 'en');
  await page.context().close();
});

test('the right Ctrl asks for the floor and gives it back', options, async () => {
  const page = await desk('empty');
  await page.keyboard.down('ControlRight');
  await page.getByText('发射中 VHF 1').waitFor();
  await page.keyboard.up('ControlRight');
  await page.getByText('按住讲话 VHF 1').waitFor();
  await page.context().close();
});

test('rows do not move while the pointer is over the list', options, async () => {
  const page = await desk();
  const cards = page.getByRole('region', { name: '告警' }).locator('article');
  await cards.nth(1).hover();
  await cards.nth(0).getByRole('button', { name: '更多' }).click();
  await page.getByRole('menuitem', { name: '误报关闭' }).click();
  await page.getByText('待处置 2').waitFor();
  assert.match((await cards.first().textContent()) ?? '', /石桥站水位/);
  await page.context().close();
});

test('200 participants and 400 people: the page stays quick', options, async () => {
  const page = await desk('crowd');
  await page.waitForTimeout(1500);
  const longest = await page.evaluate(
    () =>
      new Promise<number>((resolve) => {
        let worst = 0;
        let last = performance.now();
        const until = last + 4000;
        const step = (now: number) => {
          worst = Math.max(worst, now - last);
          last = now;
          if (now < until) requestAnimationFrame(step);
          else resolve(worst);
        };
        requestAnimationFrame(step);
      }),
  );
  console.log(`longest frame ${Math.round(longest)} ms`);
  await page.context().close();
});
