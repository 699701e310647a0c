import type { Name } from '@tocsin/protocol/common.ts';
import type { Route } from '@tocsin/protocol/routing.ts';
import { isOpen, localTime } from '../calendar.ts';
import { fits } from '../number-pattern.ts';
import type { RoutingBook, RoutingFacts, RoutingStage, Verdict } from '../routing.ts';
import { english } from '../words.ts';

/** The rules of the site's own file, in its order: the first that fits counts. */
export const siteRoutes: RoutingStage = {
  id: 'site-routes',
  name: { zh: '本站路由规则', en: 'Rules of the site' },
  look(facts, book) {
    for (const route of book.site.routes) {
      const calendar = calendarWords(route, facts, book);
      if (calendar && suits(route, facts, book)) return follow(route, calendar);
    }
    return undefined;
  },
};

function follow({ name, then }: Route, calendar: Name): Verdict {
  const zh = `规则“${name.zh}”${calendar.zh}`;
  const en = `Rule “${english(name)}”${english(calendar)}`;
  if ('refuse' in then) {
    const words = { zh: `${zh}：拒绝，${then.refuse.zh}`, en: `${en}: refuses, ${english(then.refuse)}` };
    return { kind: 'leads', to: { kind: 'refused', because: 'refused-by-rule', words }, said: words };
  }
  if ('trunks' in then) {
    const list = then.trunks.join(', ');
    return {
      kind: 'goes-on',
      change: { onlyTrunks: then.trunks },
      said: { zh: `${zh}：只走中继 ${list}`, en: `${en}: only by ${list}` },
    };
  }
  return {
    kind: 'goes-on',
    change: { called: then.number, isBySiteRule: true },
    said: { zh: `${zh}：转到 ${then.number}`, en: `${en}: goes on to ${then.number}` },
  };
}

function suits({ when }: Route, facts: RoutingFacts, book: RoutingBook): boolean {
  const { called, calling, trunk, class: callClass, group, region, vip } = when;
  const listed = (number: string, patterns: readonly string[] | undefined) =>
    patterns === undefined || patterns.some((pattern) => fits(number, pattern));
  const oneOf = (value: string | undefined, values: readonly string[] | undefined) =>
    values === undefined || (value !== undefined && values.includes(value));
  return (
    listed(facts.called, called) &&
    listed(facts.calling, calling) &&
    oneOf(facts.trunk, trunk) &&
    oneOf(facts.callClass?.id, callClass) &&
    oneOf(facts.region, region) &&
    (vip === undefined || (facts.vip ?? 0) >= vip) &&
    (group === undefined || isOfGroups(facts.person, group, book))
  );
}

function isOfGroups(person: string | undefined, groups: readonly string[], book: RoutingBook): boolean {
  return person !== undefined && groups.some((id) => book.peopleOfGroup(id).some((each) => each.id === person));
}

/** What the calendars say of this time, as a part of a sentence; undefined when one of them forbids the rule. */
function calendarWords({ when }: Route, { atMs }: RoutingFacts, { site }: RoutingBook): Name | undefined {
  if (when.during === undefined && when.outside === undefined) return { zh: '', en: '' };
  const now = localTime(atMs, site.timeZone);
  const said: Name[] = [];
  for (const [id, wanted] of [
    [when.during, true],
    [when.outside, false],
  ] as const) {
    const calendar = site.calendars.find((each) => each.id === id);
    if (!calendar) continue;
    const { open, because } = isOpen(calendar, now);
    if (open !== wanted) return undefined;
    const why = OPEN_WORDS[because];
    said.push({
      zh: `${calendar.name.zh}${open ? '内' : '外'}${why.zh}`,
      en: `${open ? 'during' : 'outside'} ${english(calendar.name)}${english(why)}`,
    });
  }
  return {
    zh: `（${said.map(({ zh }) => zh).join('，')}）`,
    en: ` (${said.map(english).join(', ')})`,
  };
}

const OPEN_WORDS: Record<ReturnType<typeof isOpen>['because'], Name> = {
  hours: { zh: '', en: '' },
  'out-of-hours': { zh: '', en: '' },
  holiday: { zh: '（节假日）', en: ' (holiday)' },
  workday: { zh: '（调休上班日）', en: ' (made-up workday)' },
};
