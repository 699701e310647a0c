import type { Name } from '@tocsin/protocol/common.ts';
import type { RoutingAnswer } from '@tocsin/protocol/routing.ts';
import { localTime, momentOf } from '#calls/routing/calendar.ts';
import { route } from '#calls/routing/route.ts';
import type { Destination, Routing, RoutingQuestion } from '#calls/routing/routing.ts';
import { english } from '#calls/routing/words.ts';
import type { Desk } from './desk.ts';

/** What if: who dials what, and when. */
export interface RoutingTest {
  calling: string;
  dialled: string;
  /** The trunk he comes by; absent: his own phone when the number is an account of ours, else the first trunk that takes calls. */
  trunk?: string | undefined;
  /** The site's wall clock, `2026-10-01T23:10`; absent: now. */
  at?: string | undefined;
}

/** The answer in words, and where the call leads. */
export type RoutingTestResult = RoutingAnswer & Pick<Routing, 'destination'>;

/** What would happen if this number dialled that one at this time. Nothing is called, and nothing is counted. */
export function askRouting(test: RoutingTest, desk: Pick<Desk, 'routingBook' | 'clock' | 'phones'>): RoutingTestResult {
  const { site, account } = desk.routingBook;
  const atMs = test.at === undefined ? desk.clock.now() : momentOf(test.at, site.timeZone);
  const isOurs = test.trunk === undefined && account(test.calling) !== undefined;
  const trunk = isOurs ? undefined : (test.trunk ?? site.trunks.find(({ take }) => take)?.id);
  const question: RoutingQuestion = {
    dialled: test.dialled,
    calling: test.calling,
    ...(isOurs ? { account: test.calling } : {}),
    ...(trunk === undefined ? {} : { trunk }),
    atMs,
  };
  const { destination, facts, steps } = route(question, desk.routingBook);
  return {
    atMs,
    question: questionInWords(question, desk),
    outcome: outcomeInWords(destination, desk),
    calling: facts.calling,
    called: facts.called,
    destination,
    steps,
  };
}

function questionInWords(
  { calling, dialled, account, trunk, atMs }: RoutingQuestion,
  desk: Pick<Desk, 'routingBook'>,
): Name {
  const { site } = desk.routingBook;
  const { day, weekday, minutes } = localTime(atMs, site.timeZone);
  const time = `${String(Math.floor(minutes / 60)).padStart(2, '0')}:${String(minutes % 60).padStart(2, '0')}`;
  const by = site.trunks.find(({ id }) => id === trunk)?.name;
  const [zhWay, enWay] = account
    ? ['从本站话机', 'from a phone of ours']
    : by
      ? [`经中继“${by.zh}”`, `by the trunk “${english(by)}”`]
      : ['由本系统', 'by the house itself'];
  return {
    zh: `${day} ${WEEKDAY_WORDS[weekday].zh} ${time}，${calling} ${zhWay}拨打 ${dialled}`,
    en: `${WEEKDAY_WORDS[weekday].en} ${day} ${time}: ${calling} dials ${dialled} ${enWay}`,
  };
}

function outcomeInWords(destination: Destination, { routingBook, phones }: Pick<Desk, 'routingBook' | 'phones'>): Name {
  switch (destination.kind) {
    case 'account': {
      const { user } = destination;
      return phones.isRegistered(user)
        ? { zh: `分机 ${user} 振铃`, en: `Phone ${user} rings` }
        : {
            zh: `分机 ${user} 现在未注册，主叫被告知暂时无法接通`,
            en: `Phone ${user} is not registered now; the caller is told so`,
          };
    }
    case 'trunk': {
      const [first] = destination.ways;
      const name = routingBook.site.trunks.find(({ id }) => id === first!.trunk)!.name;
      return {
        zh: `经中继“${name.zh}”呼出 ${first!.number}`,
        en: `Goes out by the trunk “${english(name)}” to ${first!.number}`,
      };
    }
    case 'group':
      return {
        zh: `分机组 ${destination.number} 寻找空闲成员`,
        en: `The hunt group ${destination.number} looks for somebody who is free`,
      };
    case 'room':
      return { zh: `进入会议室 ${destination.number}`, en: `Enters the conference room ${destination.number}` };
    case 'channel':
      return {
        zh: `收听信道 ${destination.id}，按 * 讲话，按 # 结束`,
        en: `Hears the channel ${destination.id}; * speaks, # lets go`,
      };
    case 'echo':
      return { zh: '听到自己的声音', en: 'Hears himself' };
    case 'feature':
      return { zh: `功能：${destination.feature}`, en: `A feature: ${destination.feature}` };
    case 'refused':
      return { zh: `拒绝：${destination.words.zh}`, en: `Refused: ${english(destination.words)}` };
    case 'unknown':
      return { zh: '空号：主叫被告知无此号码', en: 'No such number: the caller is told so' };
  }
}

const WEEKDAY_WORDS = {
  mon: { zh: '周一', en: 'Monday' },
  tue: { zh: '周二', en: 'Tuesday' },
  wed: { zh: '周三', en: 'Wednesday' },
  thu: { zh: '周四', en: 'Thursday' },
  fri: { zh: '周五', en: 'Friday' },
  sat: { zh: '周六', en: 'Saturday' },
  sun: { zh: '周日', en: 'Sunday' },
} as const;
