import type {
  Account,
  AlarmDevice,
  Channel,
  Gauge,
  Group,
  Organisation,
  Person,
  Role,
  Site,
  User,
  Zone,
} from '@tocsin/protocol/directory.ts';
import type { Trunk } from '@tocsin/protocol/routing.ts';
import type { Chance } from '#kernel/chance.ts';
import type { Clock } from '#kernel/clock.ts';
import type { Log } from '#kernel/log.ts';
import type { DigestSecret } from '#sip/auth/digest.ts';
import type { BindingStore } from '#sip/registrar/binding-store.ts';
import type { Store } from '#store/store.ts';
import { StoredBindings } from './bindings.ts';
import { OrganisationTree } from './organisations.ts';
import { CallSettingsBook } from './call-settings.ts';
import type { Authority } from './rights.ts';
import { AccountSecrets } from './secrets.ts';
import { nestedGroup } from './site-check.ts';
import { readSite } from './site-file.ts';
import { UserAccounts, type Users } from './users.ts';

/** Who and what there is at a site: its files, and the secrets and sessions that go with them. */
export interface Directory extends AsyncDisposable {
  readonly site: Site;
  /** The folder the site was read from; `site.baseMap` lies in it. */
  readonly siteFolder: string;
  person(id: string): Person | undefined;
  people(): readonly Person[];
  group(id: string): Group | undefined;
  /** The people of a group and of the groups in it, each once, in the order listed. */
  peopleOfGroup(id: string): readonly Person[];
  zone(id: string): Zone | undefined;
  channel(id: string): Channel | undefined;
  gauge(id: string): Gauge | undefined;
  device(id: string): AlarmDevice | undefined;
  account(user: string): Account | undefined;
  organisation(id: string): Organisation | undefined;
  trunk(id: string): Trunk | undefined;
  user(id: string): User | undefined;
  role(id: string): Role | undefined;
  /** Whose number this is: an extension, an account, or an outside number with or without the trunk's prefix. */
  personByNumber(number: string): Person | undefined;
  /** The SIP accounts of a person, in the order of the site's file. */
  accountsOf(personId: string): readonly Account[];
  /** Who stands in, in order. */
  deputiesOf(personId: string): readonly Person[];
  isWithin(organisation: string, top: string): boolean;
  readonly users: Users;
  /** What every account wants done with its calls. */
  readonly callSettings: CallSettingsBook;
  /** The number that an account keeps under a short code. */
  shortCode(account: string, code: string): string | undefined;
  /** What the owner of a phone may do: as the user whose seat it is, or who it belongs to. undefined: he may not log in. */
  authorityOf(account: string): Authority | undefined;
  authorityOfUser(id: string): Authority | undefined;
  /** For the registrar: undefined when there is no such account, or it has no password. */
  credentials(user: string): Promise<DigestSecret | undefined>;
  /** The password of a seat's account, for the browser phone of the user whose seat it is; undefined when only its digest is known. */
  accountPassword(user: string): string | undefined;
  setAccountPassword(user: string, password: string): Promise<void>;
  readonly bindingStore: BindingStore;
  /** Set on the first run when no password was given: to be shown once, and never to be logged. */
  readonly generatedPassword: string | undefined;
  snapshot(): { site: string; people: number; accounts: number; sessions: number };
}

/** The id of the site that ships with the product; there everyone may log in with the first run's password. */
const DEMO_SITE = 'demo';

/**
 * Reads a site from its folder and opens what the database keeps for it.
 *
 * @param options.adminPassword for the first run; absent: one is made up. It is given to the users whose role may
 *   administer, and at the demo site to all.
 * @throws DispatchError CONFIG_INVALID with file and line of every mistake in the site's files; DATABASE_UNAVAILABLE
 */
export async function openDirectory(options: {
  store: Store;
  clock: Clock;
  chance: Chance;
  log: Log;
  siteFolder: string;
  adminPassword?: string;
}): Promise<Directory> {
  const { store, clock, chance, log, siteFolder } = options;
  const site = await readSite(siteFolder);
  const by = indexSite(site);
  const tree = new OrganisationTree(site.organisations);
  const whoIs = (userId: string) => {
    const user = by.users.get(userId);
    return user && { user, role: by.roles.get(user.role)!, organisations: tree.within(user.organisation) };
  };

  await using opened = new AsyncDisposableStack();
  const bindingStore = opened.use(new StoredBindings({ store, clock, log }));
  const secrets = new AccountSecrets(by.accounts, store, chance);
  await secrets.load();
  const callSettings = new CallSettingsBook({ store, knows: (account) => by.accounts.has(account), log });
  await callSettings.load();
  const users = opened.use(new UserAccounts({ users: by.users, whoIs, store, clock, chance, log }));
  await users.load();
  const mayAdminister = ({ role }: User) => by.roles.get(role)!.rights.includes('administer');
  const first = site.users.filter((user) => site.id === DEMO_SITE || mayAdminister(user)).map(({ id }) => id);
  const generatedPassword = await users.firstRun(first, options.adminPassword);

  const authorityOfUser = (id: string) => {
    const who = whoIs(id);
    return who && { ...who, rights: new Set(who.role.rights) };
  };
  const parts = opened.move();
  return {
    site,
    siteFolder,
    person: (id) => by.people.get(id),
    people: () => site.people,
    group: (id) => by.groups.get(id),
    peopleOfGroup: (id) => [...idsOfGroup(id, by.groups)].flatMap((person) => by.people.get(person) ?? []),
    zone: (id) => by.zones.get(id),
    channel: (id) => by.channels.get(id),
    gauge: (id) => by.gauges.get(id),
    device: (id) => by.devices.get(id),
    account: (user) => by.accounts.get(user),
    organisation: (id) => by.organisations.get(id),
    trunk: (id) => by.trunks.get(id),
    user: (id) => by.users.get(id),
    role: (id) => by.roles.get(id),
    personByNumber: (number) => by.numbers.get(plainNumber(number)),
    accountsOf: (personId) => by.accountsOfPerson.get(personId) ?? [],
    deputiesOf: (personId) => (by.people.get(personId)?.deputies ?? []).flatMap((id) => by.people.get(id) ?? []),
    isWithin: (organisation, top) => tree.isWithin(organisation, top),
    users,
    callSettings,
    shortCode: (account, code) => {
      const { speedDial } = callSettings.get(account);
      return speedDial[code] ?? speedDial[code.padStart(2, '0')];
    },
    authorityOf(account) {
      const person = by.accounts.get(account)?.person;
      const owner =
        site.users.find((user) => user.account === account) ??
        (person === undefined ? undefined : site.users.find((user) => user.person === person));
      return owner && authorityOfUser(owner.id);
    },
    authorityOfUser,
    credentials: async (user) => secrets.secret(user),
    accountPassword: (user) => secrets.password(user),
    setAccountPassword: (user, password) => secrets.setPassword(user, password),
    bindingStore,
    generatedPassword,
    snapshot: () => ({
      site: site.id,
      people: site.people.length,
      accounts: site.accounts.length,
      sessions: users.sessionsOpen,
    }),
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  };
}

function indexSite(site: Site) {
  const byId = <Item extends { id: string }>(items: Item[]) => new Map(items.map((item) => [item.id, item]));
  const people = byId(site.people);
  return {
    people,
    groups: byId(site.groups),
    zones: byId(site.zones),
    channels: byId(site.channels),
    gauges: byId(site.gauges),
    devices: byId(site.devices),
    organisations: byId(site.organisations),
    trunks: byId(site.trunks),
    users: byId(site.users),
    roles: byId(site.roles),
    accounts: new Map(site.accounts.map((account) => [account.user, account])),
    accountsOfPerson: Map.groupBy(
      site.accounts.filter(({ person }) => person !== undefined),
      ({ person }) => person!,
    ),
    numbers: indexNumbers(site, people),
  };
}

/** The first person listed with a number has it; an account's person goes before. */
function indexNumbers(site: Site, people: ReadonlyMap<string, Person>): ReadonlyMap<string, Person> {
  const numbers = new Map<string, Person>();
  const add = (number: string, person: Person | undefined) => {
    if (person && !numbers.has(number)) numbers.set(number, person);
  };
  for (const { user, person } of site.accounts) if (person) add(user, people.get(person));
  const prefixes = site.trunks.flatMap(({ send }) => (send?.stripPrefix ? [send.prefix] : []));
  for (const person of site.people) {
    for (const number of [...person.numbers.map(({ dial }) => dial), person.textNumber ?? []].flat()) {
      add(plainNumber(number), person);
      // A caller from outside shows his number as the network knows it: without the prefix that we dial.
      const prefix = prefixes.find((candidate) => number.startsWith(candidate) && number.length > 7);
      if (prefix !== undefined) add(plainNumber(number.slice(prefix.length)), person);
    }
  }
  return numbers;
}

/** +86 138…, 0086138… and 138… are one number to us. */
function plainNumber(number: string): string {
  return number.replace(/[\s()-]/g, '').replace(/^(?:\+86|0086)(?=\d{7,})/, '');
}

function idsOfGroup(id: string, groups: ReadonlyMap<string, Group>, seen = new Set<string>()): Set<string> {
  const people = new Set<string>();
  if (seen.has(id)) return people;
  seen.add(id);
  for (const member of groups.get(id)?.people ?? []) {
    const nested = nestedGroup(member);
    if (nested === undefined) people.add(member);
    else for (const person of idsOfGroup(nested, groups, seen)) people.add(person);
  }
  return people;
}
