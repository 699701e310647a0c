import type { Site } from '@tocsin/protocol/directory.ts';
import { checkRouting } from './routing-check.ts';

export interface Contradiction {
  path: PropertyKey[];
  what: string;
}

/** What the shape of a site's fields cannot say: ids are there once, what is referred to is there, trees have no rings. */
export function findContradictions(site: Site): Contradiction[] {
  const found: Contradiction[] = [];
  const complain = (path: PropertyKey[], what: string) => found.push({ path, what });

  const ids = (list: keyof Site, key = 'id') => {
    const seen = new Set<string>();
    (site[list] as unknown as Record<string, string>[]).forEach((item, index) => {
      const id = item[key]!;
      if (seen.has(id)) complain([list, index, key], `"${id}" is there twice`);
      seen.add(id);
    });
    return seen;
  };
  const refer = (path: PropertyKey[], id: string | undefined, known: Set<string>, noun: string) => {
    if (id !== undefined && !known.has(id)) complain(path, `there is no ${noun} "${id}"`);
  };

  const organisations = ids('organisations');
  const people = ids('people');
  const roles = ids('roles');
  const groups = ids('groups');
  const accounts = ids('accounts', 'user');
  for (const list of ['users', 'channels', 'gauges', 'gaugeRules', 'devices', 'cameras'] as const) ids(list);
  for (const list of ['textTemplates', 'sounds'] as const) ids(list);
  const zones = ids('zones');
  ids('zoneGroups');
  site.zoneGroups.forEach((group, i) => {
    if (zones.has(group.id)) complain(['zoneGroups', i, 'id'], `"${group.id}" is a zone already`);
    group.zones.forEach((id, k) => refer(['zoneGroups', i, 'zones', k], id, zones, 'zone'));
  });
  ids('rooms', 'number');
  checkRouting(site, { groups, ids, refer, complain });
  ids('huntGroups', 'number');
  const taken = new Set([...accounts, ...site.rooms.map(({ number }) => number)]);
  site.huntGroups.forEach(({ number, members, overflow }, i) => {
    if (taken.has(number)) complain(['huntGroups', i, 'number'], `"${number}" is a phone or a room already`);
    if (members.includes(number)) complain(['huntGroups', i, 'members'], 'a group cannot be a member of itself');
    if (overflow === number) complain(['huntGroups', i, 'overflow'], 'a group cannot overflow to itself');
  });

  const gauges = new Set(site.gauges.map(({ id }) => id));
  site.gaugeRules.forEach(({ all, any }, i) => {
    all.forEach(({ gauge }, k) => refer(['gaugeRules', i, 'all', k, 'gauge'], gauge, gauges, 'gauge'));
    any.forEach(({ gauge }, k) => refer(['gaugeRules', i, 'any', k, 'gauge'], gauge, gauges, 'gauge'));
  });
  site.organisations.forEach(({ parent }, i) =>
    refer(['organisations', i, 'parent'], parent, organisations, 'organisation'),
  );
  for (const list of ['users', 'people', 'zones', 'channels', 'gauges', 'devices', 'cameras'] as const)
    site[list].forEach(({ organisation }, i) =>
      refer([list, i, 'organisation'], organisation, organisations, 'organisation'),
    );
  site.users.forEach(({ role, account, person }, i) => {
    refer(['users', i, 'role'], role, roles, 'role');
    refer(['users', i, 'account'], account, accounts, 'account');
    refer(['users', i, 'person'], person, people, 'person');
  });
  site.people.forEach(({ deputies, care }, i) => {
    deputies.forEach((id, k) => refer(['people', i, 'deputies', k], id, people, 'person'));
    care?.contacts.forEach(({ person }, k) =>
      refer(['people', i, 'care', 'contacts', k, 'person'], person, people, 'person'),
    );
  });
  site.groups.forEach((group, i) =>
    group.people.forEach((id, k) => {
      const nested = nestedGroup(id);
      if (nested === undefined) refer(['groups', i, 'people', k], id, people, 'person');
      else refer(['groups', i, 'people', k], nested, groups, 'group');
    }),
  );
  site.features.pickUpGroups.forEach((group, i) =>
    group.accounts.forEach((account, k) =>
      refer(['features', 'pickUpGroups', i, 'accounts', k], account, accounts, 'account'),
    ),
  );
  const { first, slots } = site.features.parking;
  for (const number of [...accounts, ...site.rooms.map((room) => room.number)])
    if (/^\d+$/.test(number) && Number(number) >= first && Number(number) < first + slots)
      complain(['features', 'parking'], `${number} is the number of a park slot and of something else`);
  site.accounts.forEach(({ person }, i) => refer(['accounts', i, 'person'], person, people, 'person'));
  site.zones.forEach(({ reach }, i) => {
    if (reach.kind === 'sip') refer(['zones', i, 'reach', 'account'], reach.account, accounts, 'account');
  });
  site.devices.forEach(({ person }, i) => refer(['devices', i, 'person'], person, people, 'person'));

  const parents = new Map(site.organisations.map(({ id, parent }) => [id, parent]));
  site.organisations.forEach(({ id }, i) => {
    const above = new Set([id]);
    for (let up = parents.get(id); up !== undefined; up = parents.get(up)) {
      if (above.has(up)) return complain(['organisations', i, 'parent'], `"${id}" lies below itself`);
      above.add(up);
    }
  });
  return found;
}

/** The id after `group:`, when a group lists another. */
export function nestedGroup(id: string): string | undefined {
  return id.startsWith('group:') ? id.slice('group:'.length) : undefined;
}
