import type { Page } from 'playwright-core';
import type { Baresip } from './baresip.ts';
import { AUDIBLE_IN_PAGE_DB, listenInPage } from './ears.ts';
import { HEARD_ABOVE_DB } from './hearing.ts';
import type { Linphone } from './linphone.ts';
import { toneDb, type Heard } from './sound.ts';

/** What a phone that nobody here wrote is asked to do, in one language for all of them. All answer by themselves. */
export interface TriedPhone {
  readonly user: string;
  readonly toneHz: number;
  call(number: string): Promise<void>;
  hangUp(): Promise<void>;
  hold(isHeld: boolean): Promise<void>;
  /** Presses a key as a telephone-event. */
  press(key: string): Promise<void>;
  /** Hands its partner on at once. */
  transfer(number: string): Promise<void>;
  /** Calls another beside its partner, whom it holds, and then joins the two. Absent: it cannot. */
  consult?(number: string): Promise<void>;
  join?(): Promise<void>;
  /** Whether its call has been answered, where it tells that. */
  isTalking?(): Promise<boolean>;
  /** Whether it hears that tone now. */
  hears(hz: number): Promise<boolean>;
  /** Its ears do not outlive a re-INVITE of its own: a fault of its recorder, not of the call. */
  isDeafAfterHold?: true;
  /** Ends it without a word to anyone. */
  kill(): Promise<void>;
}

export function triedBaresip(phone: Baresip): TriedPhone {
  const { user, toneHz = 0, server, transport = 'udp' } = phone.options;
  const command = async (...words: [string, string?]) => void (await phone.command(...words));
  return {
    user,
    toneHz,
    call: (number) => phone.dial(number),
    hangUp: () => command('hangup'),
    hold: (isHeld) => command(isHeld ? 'hold' : 'resume'),
    press: (key) => phone.press(key),
    transfer: (number) => command('transfer', `sip:${number}@${server};transport=${transport}`),
    hears: async (hz) => isIn(await phone.heard(), hz),
    isDeafAfterHold: true,
    kill: () => phone.kill(),
  };
}

export function triedLinphone(phone: Linphone): TriedPhone {
  return {
    user: phone.user,
    toneHz: phone.toneHz,
    call: (number) => phone.call(number),
    hangUp: () => phone.type('terminate all'),
    hold: (isHeld) => phone.type(isHeld ? 'pause' : 'resume'),
    press: (key) => phone.type(key),
    transfer: (number) => phone.type(`transfer sip:${number}@${phone.server}`),
    consult: (number) => phone.call(number),
    join: () => phone.joinBoth(),
    hears: async (hz) => isIn(await phone.heard(), hz),
    kill: () => phone.kill(),
  };
}

/** A page with one of the scripts of page-phones.ts, registered by this. */
export async function triedPage(
  page: Page,
  options: { user: string; toneHz: number; server: string },
): Promise<TriedPhone> {
  const { user, toneHz, server } = options;
  const telephone = (call: string) => page.evaluate<void>(`telephone.${call}`);
  await telephone(`register(${JSON.stringify({ server, account: user, password: 'tocsin-demo' })})`);
  return {
    user,
    toneHz,
    call: (number) => telephone(`call('${number}')`),
    hangUp: () => telephone('hangUp()'),
    hold: (isHeld) => telephone(`hold(${isHeld})`),
    press: (key) => telephone(`press('${key}')`),
    transfer: (number) => telephone(`transfer('${number}')`),
    consult: (number) => telephone(`consult('${number}')`),
    join: () => telephone('join()'),
    isTalking: async () => (await page.evaluate('telephone.state()')) === 'Established',
    async hears(hz) {
      const [level = -200] = await listenInPage(page, [hz], 0.2);
      return level > AUDIBLE_IN_PAGE_DB;
    },
    kill: () => page.close(),
  };
}

/** Over the last half second. */
function isIn({ samples, rateHz }: Heard, hz: number): boolean {
  return toneDb({ rateHz, samples: samples.subarray(-Math.round(rateHz / 2)) }, hz) > HEARD_ABOVE_DB;
}
