import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import type { SecurityView } from '@tocsin/protocol/security.ts';
import { isInstalled } from '../server/src/sip/user-agent/is-installed.ts';
import { Browser, noBrowser, shoot } from './kit/browser.ts';
import { DeskPage } from './kit/desk-page.ts';
import { testFolder } from './kit/gateways.ts';
import { OwnPhone } from './kit/own-phone.ts';
import { Tocsin } from './kit/tocsin.ts';
import { until } from './kit/wait.ts';

/** Each scanner has so long; what it has not found by then it would not find. */
const SCAN_FOR_MS = 8_000;

test(
  'sipvicious finds nothing to use, and leaves a readable trace on the security page',
  { skip: noBrowser || (!isInstalled('svwar') && 'sipvicious is not installed') },
  async (t) => {
    const tocsin = await Tocsin.start(t, { TOCSIN_SIMULATORS: 'off' });
    const folder = await testFolder(t, 'scanner');
    const scan = (program: string, ...args: string[]) =>
      new Promise<string>((resolve) => {
        const options = { cwd: folder, timeout: SCAN_FOR_MS, env: { ...process.env, HOME: folder } };
        const all = ['-p', String(tocsin.sipPort), ...args, '127.0.0.1'];
        execFile(program, all, options, (_error, stdout, stderr) => resolve(stdout + stderr));
      });
    const [map, cracked, ...wars] = await Promise.all([
      scan('svmap'),
      scan('svcrack', '-u', '1005', '-r', '100-180'),
      ...['REGISTER', 'INVITE', 'OPTIONS'].map((method) => scan('svwar', '-m', method, '-e', '998-1006', '--force')),
    ]);
    assert.doesNotMatch(map, /100\d/, 'no account is told');
    assert.doesNotMatch(cracked, /\| 1005/, 'no password is found');
    for (const said of wars) {
      const listed = new Set([...said.matchAll(/\| (\d{3,4}) +\|/g)].map(([, user]) => user));
      assert.ok(listed.size === 0 || listed.size === 9, `all or none, but: ${said}`);
    }

    const seen = await tocsin.get<SecurityView>('/api/security');
    const row = seen.top.find(({ source }) => source === '127.0.0.1');
    t.diagnostic(JSON.stringify(row));
    assert.ok(row && row.scans > 0 && row.wrongPasswords > 0 && row.unprovenInvites > 0, JSON.stringify(row));
    assert.equal(row.throttled?.why, 'wrong-password');
    const folderOfLogs = join(tocsin.data, 'log');
    const lines = await until('the log tells it', async () => {
      const files = await Promise.all(
        (await readdir(folderOfLogs)).map((name) => readFile(join(folderOfLogs, name), 'utf8')),
      );
      const found = files
        .join('\n')
        .split('\n')
        .filter((line) => line.includes('source throttled'));
      return found.length > 0 && found;
    });
    t.diagnostic(`${lines.length} lines in the log`);
    assert.ok(lines.length < 10, `the log is not drowned: ${lines.length} lines`);
    const told = await tocsin.timeline({ kind: 'security.source-throttled' });
    assert.equal(told.length, 1, 'the timeline tells it once');
    const refused = await tocsin.request('GET', '/api/security', undefined, await tocsin.login('dispatcher'));
    assert.equal(refused.status, 403);

    const browser = await Browser.start(t, { microphoneHz: 1000 });
    const { page } = await DeskPage.open(t, tocsin, browser, 'admin');
    await page.goto(`${tocsin.http}/settings/security`);
    await page.getByRole('heading', { name: '127.0.0.1' }).waitFor();
    await page.getByText('口令错误过多').waitFor();
    for (const [name, width, height] of [
      ['security-desk', 1920, 1080],
      ['security-phone', 390, 844],
    ] as const) {
      await page.setViewportSize({ width, height });
      const beyond = await page.evaluate<number>(
        'document.documentElement.scrollWidth - document.documentElement.clientWidth',
      );
      assert.ok(beyond <= 0, `${name}: ${beyond} px beyond the edge`);
      await shoot(page, name);
    }

    await t.test('the administrator lets the source be heard again, by keyboard', async () => {
      const release = page.getByRole('button', { name: '解除对 127.0.0.1 的限制' });
      await release.focus();
      await page.keyboard.press('Enter');
      await release.waitFor({ state: 'detached' });
      const entry = await until(
        'it is on the timeline',
        async () => (await tocsin.timeline({ kind: 'security.source-released' }))[0],
      );
      assert.deepEqual([entry.actor, entry.data['source']], ['admin', '127.0.0.1']);
      // The account that was tried too often is served at once, not only when the minute is over.
      await OwnPhone.start(t, { user: '1005', server: tocsin.sip, toneHz: 1000 });
    });
  },
);
