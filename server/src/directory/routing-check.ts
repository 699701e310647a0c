import type { Site } from '@tocsin/protocol/directory.ts';

/** What `findContradictions` lends: how ids are gathered, referred to, and complained of. */
interface Checker {
  groups: Set<string>;
  ids(list: keyof Site): Set<string>;
  refer(path: PropertyKey[], id: string | undefined, known: Set<string>, noun: string): void;
  complain(path: PropertyKey[], what: string): void;
}

/** Trunks, routes and what they refer to. */
export function checkRouting(site: Site, { groups, ids, refer, complain }: Checker): void {
  const trunks = ids('trunks');
  const calendars = ids('calendars');
  const regions = ids('regions');
  const classes = ids('callClasses');
  ids('routes');

  refer(['callClass'], site.callClass, classes, 'call class');
  site.accounts.forEach(({ callClass }, i) => refer(['accounts', i, 'callClass'], callClass, classes, 'call class'));
  site.trunks.forEach(({ callClass, identity, register, lineNames, lines }, i) => {
    refer(['trunks', i, 'callClass'], callClass, classes, 'call class');
    if (identity.show === 'main' && identity.number === undefined)
      complain(['trunks', i, 'identity', 'show'], 'main needs the number that is shown');
    if (register && register.password === undefined)
      complain(['trunks', i, 'register'], 'a registration needs its password');
    if (lineNames.length > lines) complain(['trunks', i, 'lineNames'], `names more lines than the ${lines} there are`);
    const seen = new Set<string>();
    lineNames.forEach(({ id }, k) => {
      if (seen.has(id)) complain(['trunks', i, 'lineNames', k, 'id'], `"${id}" is there twice`);
      seen.add(id);
    });
  });

  site.routes.forEach(({ when, then }, i) => {
    const each = (field: 'trunk' | 'class' | 'group' | 'region', known: Set<string>, noun: string) =>
      when[field]?.forEach((id, k) => refer(['routes', i, 'when', field, k], id, known, noun));
    each('trunk', trunks, 'trunk');
    each('class', classes, 'call class');
    each('group', groups, 'group');
    each('region', regions, 'region');
    refer(['routes', i, 'when', 'during'], when.during, calendars, 'calendar');
    refer(['routes', i, 'when', 'outside'], when.outside, calendars, 'calendar');
    if (!('trunks' in then)) return;
    then.trunks.forEach((id, k) => {
      refer(['routes', i, 'then', 'trunks', k], id, trunks, 'trunk');
      if (site.trunks.some((trunk) => trunk.id === id && !trunk.send))
        complain(['routes', i, 'then', 'trunks', k], `"${id}" has no send: nothing goes out by it`);
    });
  });
}
