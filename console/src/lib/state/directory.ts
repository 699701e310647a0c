import type { SiteView } from '@tocsin/protocol/console.ts';
import type { Camera, Channel, Gauge, Group, Organisation, Zone, AlarmDevice } from '@tocsin/protocol/directory.ts';

export type PersonEntry = SiteView['people'][number];

/** Who and what the site knows, by id. Built once a hello; never changed. */
export class Directory {
  readonly site: SiteView | undefined;
  readonly people: ReadonlyMap<string, PersonEntry>;
  readonly users: ReadonlyMap<string, SiteView['users'][number]>;
  readonly groups: ReadonlyMap<string, Group>;
  readonly zones: ReadonlyMap<string, Zone>;
  readonly channels: ReadonlyMap<string, Channel>;
  readonly gauges: ReadonlyMap<string, Gauge>;
  readonly devices: ReadonlyMap<string, AlarmDevice>;
  readonly cameras: ReadonlyMap<string, Camera>;
  readonly organisations: ReadonlyMap<string, Organisation>;
  readonly #byNumber = new Map<string, PersonEntry>();

  constructor(site?: SiteView) {
    this.site = site;
    this.people = byId(site?.people);
    this.users = byId(site?.users);
    this.groups = byId(site?.groups);
    this.zones = byId(site?.zones);
    this.channels = byId(site?.channels);
    this.gauges = byId(site?.gauges);
    this.devices = byId(site?.devices);
    this.cameras = byId(site?.cameras);
    this.organisations = byId(site?.organisations);
    for (const person of this.people.values()) {
      for (const number of person.numbers) {
        if (!this.#byNumber.has(number.dial)) this.#byNumber.set(number.dial, person);
      }
    }
  }

  personByNumber(number: string): PersonEntry | undefined {
    return this.#byNumber.get(number);
  }

  /** Everyone of a group, groups within it followed once each. */
  membersOf(groupId: string): string[] {
    const people = new Set<string>();
    const seen = new Set<string>();
    const follow = (id: string) => {
      if (seen.has(id)) return;
      seen.add(id);
      for (const member of this.groups.get(id)?.people ?? []) {
        if (member.startsWith('group:')) follow(member.slice('group:'.length));
        else people.add(member);
      }
    };
    follow(groupId);
    return [...people];
  }
}

function byId<Item extends { id: string }>(items: readonly Item[] | undefined): Map<string, Item> {
  return new Map((items ?? []).map((item) => [item.id, item]));
}
