import type { BlacklistEntry } from '@tocsin/protocol/routing.ts';
import { localTime } from '../calendar.ts';
import { numberClassOf } from '../call-class.ts';
import { fits } from '../number-pattern.ts';
import type { RoutingFacts, RoutingStage } from '../routing.ts';

/** Callers who are not wanted. A cry for help is never turned away: emergency numbers know no blacklist. */
export const blacklist: RoutingStage = {
  id: 'blacklist',
  name: { zh: '黑名单', en: 'Blacklist' },
  look(facts, { site, blacklist: added }) {
    const listed = [...site.blacklist, ...(added?.() ?? [])].find((entry) => counts(entry, facts, site.timeZone));
    if (!listed) return undefined;
    if (numberClassOf(facts.called, site) === 'emergency')
      return {
        kind: 'goes-on',
        change: {},
        said: {
          zh: `${facts.calling} 在黑名单上，但 ${facts.called} 是紧急号码`,
          en: `${facts.calling} is on the blacklist, but ${facts.called} is an emergency number`,
        },
      };
    const { number, because } = listed;
    const words = {
      zh: `${facts.calling} 在黑名单上（${number}${because ? `：${because}` : ''}）`,
      en: `${facts.calling} is on the blacklist (${number}${because ? `: ${because}` : ''})`,
    };
    return { kind: 'leads', to: { kind: 'refused', because: 'blacklisted', words }, said: words };
  },
};

function counts({ number, until }: BlacklistEntry, { calling, atMs }: RoutingFacts, timeZone: string): boolean {
  return fits(calling, number) && (until === undefined || localTime(atMs, timeZone).day <= until);
}
