import { Site } from '@tocsin/protocol/directory.ts';
import { route } from './route.ts';
import type { RoutingBook, RoutingQuestion } from './routing.ts';

/** A site of tests: four phones, two persons, a carrier behind 9, and whatever else the test says. */
export function testBook(more: Partial<(typeof Site)['_zod']['input']> = {}): RoutingBook {
  const person = (id: string, zh: string, dial: string) => ({
    id,
    name: { zh },
    organisation: 'root',
    numbers: [{ kind: 'mobile' as const, dial }],
  });
  const site = Site.parse({
    id: 'test',
    name: { zh: '测试' },
    centre: { latitude: 30, longitude: 119 },
    organisations: [{ id: 'root', name: { zh: '根' } }],
    roles: [],
    users: [],
    people: [person('zhang', '张伟', '13800000000'), person('wang', '王强', '13900000000')],
    groups: [{ id: 'leaders', name: { zh: '领导' }, people: ['zhang'] }],
    accounts: ['1003', '1004', '1005', '1006'].map((user) => ({ user })),
    rooms: [{ number: '8001', name: { zh: '会商', en: 'Flood' } }],
    trunks: [{ id: 'carrier', name: { zh: '运营商' }, send: { prefix: '9', host: '127.0.0.1', port: 15090 } }],
    ...more,
  });
  return {
    site,
    account: (user) => site.accounts.find((each) => each.user === user),
    personByNumber: (number) => site.people.find(({ numbers }) => numbers.some(({ dial }) => dial === number)),
    peopleOfGroup: (id) =>
      site.people.filter((each) => site.groups.some((group) => group.id === id && group.people.includes(each.id))),
  };
}

/** Asks for the way of a call from a phone of the house, at any time unless the question says when. */
export const ask = (question: Partial<RoutingQuestion> & { dialled: string }, book: RoutingBook) =>
  route({ calling: '1003', account: question.calling ?? '1003', atMs: 0, ...question }, book);

/** Asks for the way of a call that comes in by the carrier. */
export const askFromOutside = (question: Partial<RoutingQuestion> & { dialled: string }, book: RoutingBook) =>
  route({ calling: '13800000000', trunk: 'carrier', atMs: 0, ...question }, book);
