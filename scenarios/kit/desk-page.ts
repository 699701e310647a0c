import type { TestContext } from 'node:test';
import type { Page } from 'playwright-core';
import type { Browser } from './browser.ts';
import { ADMIN_PASSWORD, type Tocsin } from './tocsin.ts';

/** The real console in a real browser, used as a dispatcher uses it: by keys and buttons, read by its words. */
export class DeskPage {
  readonly page: Page;

  private constructor(page: Page) {
    this.page = page;
  }

  /** Logs in on the log-in page and waits until the desk is there. */
  static async open(t: TestContext, tocsin: Tocsin, browser: Browser, user = 'dispatcher'): Promise<DeskPage> {
    const page = await browser.open(`${tocsin.http}/login`);
    await page.locator('input[name=username]').fill(user);
    await page.locator('input[name=password]').fill(ADMIN_PASSWORD);
    await page.locator('button[type=submit]').click();
    await page.locator('footer[aria-label=话机]').waitFor();
    const desk = new DeskPage(page);
    t.after(() => page.close());
    return desk;
  }

  /** Waits until these words can be read. */
  async reads(words: string | RegExp): Promise<void> {
    await this.page.getByText(words).filter({ visible: true }).first().waitFor();
  }

  /** The phone bar's words. */
  get phoneBar() {
    return this.page.locator('footer[aria-label=话机]');
  }

  async press(key: string): Promise<void> {
    await this.page.keyboard.press(key);
  }

  /** Types a number into the search field and calls it. */
  async dial(number: string): Promise<void> {
    await this.press('/');
    await this.page.keyboard.type(number);
    await this.press('Enter');
  }
}
