import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TimelineEntry } from '@tocsin/protocol/views.ts';
import { Browser, noBrowser } from './kit/browser.ts';
import { DeskPage } from './kit/desk-page.ts';
import { Tocsin } from './kit/tocsin.ts';
import { until } from './kit/wait.ts';

test(
  'the administrator asks by keyboard what a call would do, puts its caller on the blacklist, and asks again',
  { skip: noBrowser },
  async (t) => {
    const tocsin = await Tocsin.start(t, { TOCSIN_SIMULATORS: 'off' });
    const browser = await Browser.start(t, { microphoneHz: 1000 });
    const { page } = await DeskPage.open(t, tocsin, browser, 'admin');
    const complaints: string[] = [];
    page.on('pageerror', (error) => complaints.push(error.message));
    await page.goto(`${tocsin.http}/settings/trunks`);
    await page.getByText('运营商中继').first().waitFor();

    await page.getByRole('button', { name: /^让 运营商中继/ }).press('Enter');
    await page.getByLabel('退出服务的原因').fill('运营商割接');
    await page.getByLabel('退出服务的原因').press('Enter');
    await page.getByText(/^已退出服务：运营商割接/).waitFor();

    const ask = async () => {
      await page.getByLabel('主叫号码').fill('13911112222');
      await page.getByLabel('拨打号码').fill('12345');
      await page.getByLabel('时间').fill('2026-09-22T23:10');
      await page.getByLabel('时间').press('Enter');
    };
    await ask();
    await page.getByText('分机 1004').first().waitFor();
    await page.getByText('规则“热线·值班”（办公时间外）：转到 1004').waitFor();

    await page.getByLabel('号码', { exact: true }).fill('139xxxx2222');
    await page.getByLabel('原因').fill('反复骚扰');
    await page.getByLabel('原因').press('Enter');
    await page.getByRole('button', { name: '移出 139xxxx2222' }).waitFor();
    await ask();
    await page.getByText('拒绝：13911112222 在黑名单上（139xxxx2222：反复骚扰）').waitFor();
    const pictures = process.env['ROUTING_PICTURES'];
    for (const [name, width, height] of [
      ['desk', 1920, 1080],
      ['phone', 390, 844],
    ] as const) {
      await page.setViewportSize({ width, height });
      const beyond = await page.evaluate<number>(
        'document.documentElement.scrollWidth - document.documentElement.clientWidth',
      );
      assert.ok(beyond <= 0, `${name}: ${beyond} px beyond the edge`);
      if (pictures) await page.screenshot({ path: `${pictures}-${name}.png` });
    }

    await page.getByRole('button', { name: /^让 运营商中继.* 恢复服务$/ }).press('Enter');
    await page.getByText(/^已退出服务/).waitFor({ state: 'detached' });
    await page.getByRole('button', { name: '移出 139xxxx2222' }).click();
    await page.getByRole('button', { name: '移出 139xxxx2222' }).waitFor({ state: 'detached' });
    await ask();
    await page.getByText('分机 1004').first().waitFor();
    const kinds = await until('both are on the timeline', async () => {
      const found = (await tocsin.timeline({ kind: 'blacklist.' })).map(
        ({ kind, actor }: TimelineEntry) => `${kind} ${actor}`,
      );
      return found.length === 2 && found;
    });
    assert.deepEqual(kinds.toSorted(), ['blacklist.added admin', 'blacklist.removed admin']);
    assert.deepEqual(complaints, []);
  },
);
