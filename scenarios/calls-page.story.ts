import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CallSettings } from '@tocsin/protocol/call-settings.ts';
import { Browser, noBrowser, readyForBrowsers, shoot } from './kit/browser.ts';
import { DeskPage } from './kit/desk-page.ts';
import { OwnPhone } from './kit/own-phone.ts';
import { Tocsin } from './kit/tocsin.ts';
import { until } from './kit/wait.ts';

const LEAD_HZ = 523;

test(
  'on the page of calls the lead listens in and barges in with a press, sets his phone, and books a call',
  { skip: noBrowser },
  async (t) => {
    const tocsin = await Tocsin.start(t, { TOCSIN_SIMULATORS: 'off' });
    await readyForBrowsers(tocsin);
    const [caller, clerk] = await Promise.all([
      OwnPhone.start(t, { user: '1005', server: tocsin.sip, toneHz: 784 }),
      OwnPhone.start(t, { user: '1006', server: tocsin.sip, toneHz: 1175 }),
    ]);
    const browser = await Browser.start(t, { microphoneHz: LEAD_HZ });
    const desk = await DeskPage.open(t, tocsin, browser, 'lead');
    const { page } = desk;
    await desk.reads('话机就绪');
    await desk.press('g');
    await desk.press('l');
    const calls = page.getByRole('region', { name: '话务' });
    const phones = page.getByRole('region', { name: '分机', exact: true });
    const row = (number: string) => phones.getByRole('listitem').filter({ hasText: number });

    await row('1005').getByText('空闲').waitFor();
    await row('1007').getByText('未注册').waitFor();
    await caller.call('1006');
    await row('1005').getByText('通话 1006').waitFor();

    await calls.getByRole('button', { name: '监听' }).click();
    const mine = calls.getByRole('status');
    await mine.getByText('本席正在监听').waitFor();
    await shoot(page, 'calls-listening');
    await until('the two hear each other', () => caller.hears(clerk.toneHz) && clerk.hears(caller.toneHz));
    assert.ok(!caller.hears(LEAD_HZ) && !clerk.hears(LEAD_HZ), 'who listens in is not heard');
    await mine.getByRole('radio', { name: '强插' }).click();
    await until('both hear the lead', () => caller.hears(LEAD_HZ) && clerk.hears(LEAD_HZ));
    await mine.getByRole('button', { name: '退出' }).click();
    await mine.waitFor({ state: 'detached' });
    assert.ok(caller.isTalking && clerk.isTalking, 'the two talk on');

    await row('1004').getByRole('button', { name: '更多' }).click();
    await page.getByRole('menuitem', { name: '来电设置' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('遇忙转移到').fill('1007');
    await dialog.getByLabel('免打扰').check();
    await dialog.getByRole('button', { name: '保存设置' }).click();
    await row('1004').getByText('免打扰').waitFor();
    const settings = await tocsin.get<CallSettings>('/api/accounts/1004/call-settings');
    assert.deepEqual([settings.doNotDisturb, settings.forwardBusy], [true, '1007']);

    const bookings = page.getByRole('region', { name: '预约呼叫' });
    await bookings.getByRole('button', { name: '预约' }).click();
    await dialog.getByLabel('被叫号码').fill('1006');
    await dialog.getByLabel('时间').fill('2099-12-31T23:30');
    await dialog.getByRole('button', { name: '预约', exact: true }).click();
    const booked = bookings.getByRole('listitem').filter({ hasText: '1004 → 1006' });
    await booked.waitFor();
    await booked.getByRole('button').click();
    await booked.waitFor({ state: 'detached' });
    assert.deepEqual(await tocsin.get('/api/booked-calls'), []);
  },
);
