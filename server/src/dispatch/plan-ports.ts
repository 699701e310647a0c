import { callParty } from '#calls/call-party.ts';
import type { Conference } from '#calls/conference.ts';
import { route } from '#calls/routing/route.ts';
import type { PlanPorts, StepConference } from '#plans/step.ts';
import { askForFeed } from './ask-for-feed.ts';
import type { Desk } from './desk.ts';

/** The number that a plan's calls show, and the name beside it. */
const PLAN_CALLER = { number: '8000', name: 'Tocsin' };

/** What plans work with, made of the house's nouns: the only place where the two sets of words meet. */
export function planPorts(desk: Omit<Desk, 'plans' | 'runs' | 'check'>): PlanPorts {
  const { directory, conferences, announcements, lines, texts, incidents, alarms, engine, phones } = desk;
  return {
    directory,
    texts,
    incidents,
    gauges: alarms,
    speech: { speak: (words) => engine.speak(words) },
    channels: { isReady: (channel) => conferences.channels().some((each) => each.id === channel && each.isReady) },
    announcements: {
      play: (options) => announcements.play(options),
      zoneState(id) {
        const zone = directory.zone(id);
        if (!zone) return 'unknown';
        const { state } = announcements.view(zone);
        return state === 'down' || state === 'part-silent' || state === 'unknown' ? state : 'ready';
      },
    },
    feeds: { ask: (options) => askForFeed(options, desk) },
    calls: {
      callParty: (options) => callParty({ ...options, from: PLAN_CALLER }, desk),
      reachability(id) {
        const numbers = directory.person(id)?.numbers ?? [];
        const atMs = desk.clock.now();
        const ways = numbers.map(
          ({ dial }) => route({ dialled: dial, calling: PLAN_CALLER.number, atMs }, directory).destination,
        );
        if (ways.some((way) => way.kind === 'trunk' || (way.kind === 'account' && phones.isRegistered(way.user))))
          return 'reachable';
        return ways.some((way) => way.kind === 'account') ? 'unregistered' : 'no-route';
      },
      freeLines: () => directory.site.trunks.reduce((sum, trunk) => sum + lines.free(trunk.id), 0) || undefined,
    },
    conferences: {
      async open({ chair, ...facts }) {
        const conference = await conferences.open({ ...facts, openedBy: chair ?? 'system' });
        const account = chair === undefined ? undefined : directory.user(chair)?.account;
        if (account !== undefined) {
          const person = directory.personByNumber(account);
          conference.add({
            number: account,
            ...(person ? { person: person.id } : {}),
            confirm: 'none',
            ringForMs: 20_000,
            retries: 0,
            retryAfterMs: 0,
            withDeputies: false,
            isChair: true,
            answersItself: true,
          });
        }
        return stepConference(conference, desk);
      },
    },
  };
}

function stepConference(conference: Conference, { conferences }: Pick<Desk, 'conferences'>): StepConference {
  return {
    id: conference.id,
    number: conference.number,
    ended: conference.ended,
    add: (party) => void conference.add(party),
    redial: async (person) => conference.chair.redialPerson(person),
    callDeputy: async (person) => conference.chair.callDeputyOf(person),
    patch: (channel) => conference.channels.patch(conferences.channel(channel)),
    unpatch: (channel) => conference.channels.unpatch(conferences.channel(channel)),
    end: (reason) => conference.end(reason),
  };
}
