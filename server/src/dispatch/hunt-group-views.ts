import type { HuntGroupView } from '@tocsin/protocol/views.ts';
import type { Desk } from './desk.ts';

/** The hunt groups of the site, and how each member stands now. */
export function huntGroupViews({ directory, seeker, lamps }: Desk): HuntGroupView[] {
  return directory.site.huntGroups.map(({ number, name, strategy, members, overflow }) => ({
    number,
    name,
    strategy,
    ...(overflow ? { overflow } : {}),
    members: members.map((member) => {
      const person = directory.personByNumber(member);
      return {
        number: member,
        ...(person ? { person: person.id, name: person.name } : {}),
        state: seeker.stateOf(member),
        freeSince: lamps.freeSince(member),
      };
    }),
  }));
}
