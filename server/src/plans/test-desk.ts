/** A small site, and ports that do what a test tells them: for tests of the plans only. */
import type { Person, Site } from '@tocsin/protocol/directory.ts';
import { CallFeatures } from '@tocsin/protocol/features.ts';
import type { GaugeView } from '@tocsin/protocol/views.ts';
import type { CallPartyOutcome, PartyChange, ZoneOutcome } from '@tocsin/protocol/reaching.ts';
import { Emitter } from '#kernel/emitter.ts';
import type { Clock } from '#kernel/clock.ts';
import type {
  NewText,
  PlanPorts,
  StepCalls,
  StepConference,
  StepAnnouncements,
  StepDirectory,
  StepFeeds,
  TextState,
} from './step.ts';

const AT = { latitude: 30, longitude: 114 };

/** People zhang, wang (away, chen stands in), chen, liu and old granny; a group, two zones, a channel, a gauge. */
export const TEST_SITE: Site = {
  id: 'test',
  name: { zh: '测试站' },
  centre: AT,
  zoom: 14,
  organisations: [{ id: 'root', name: { zh: '县' } }],
  roles: [],
  users: [],
  people: [
    person('zhang', '张伟', { deputies: ['chen'] }),
    person('wang', '王强', { deputies: ['chen'], absence: { reason: '休假' } }),
    person('chen', '陈静'),
    person('liu', '刘洋', { numbers: [] }),
    person('granny', '王桂兰', {
      care: {
        address: '石桥村 12 号',
        contacts: [
          { person: 'zhang', relation: '儿子' },
          { person: 'chen', relation: '女儿' },
        ],
      },
    }),
  ],
  groups: [
    { id: 'leaders', name: { zh: '领导' }, people: ['zhang', 'wang'] },
    { id: 'field-team', name: { zh: '一线' }, people: ['chen'] },
    { id: 'flood-office', name: { zh: '防办' }, people: ['group:leaders', 'chen'] },
  ],
  accounts: [],
  trunks: [],
  timeZone: 'Asia/Shanghai',
  calendars: [],
  routes: [],
  blacklist: [],
  vips: [],
  regions: [],
  numberClasses: [],
  callClasses: [],
  recording: { rules: [], otherwise: 'always', packAfterS: 3600 },
  huntGroups: [],
  rooms: [],
  features: CallFeatures.parse({}),
  zones: ['dam', 'village'].map((id) => ({
    id,
    name: { zh: id },
    organisation: 'root',
    reach: { kind: 'gateway', gateway: 'pa' },
    horns: 2,
    bearer: 'ip',
    outline: [],
  })),
  channels: [{ id: 'ch1', name: { zh: '一信道' }, organisation: 'root', gateway: 'radio', bearer: 'vhf-uhf' }],
  gaugeRules: [],
  gauges: [
    {
      id: 'upstream',
      name: { zh: '坝前' },
      organisation: 'root',
      measures: 'water-level',
      unit: 'm',
      location: AT,
      thresholds: [],
    },
  ],
  cameras: [],
  devices: [
    {
      id: 'key-1',
      name: { zh: '一键通' },
      organisation: 'root',
      person: 'granny',
      plan: 'one-key',
      silentAfterS: 3600,
    },
  ],
  planButtons: [],
  textTemplates: [],
  zoneGroups: [],
  sounds: [],
};

function person(id: string, zh: string, more: Partial<Person> = {}): Person {
  const numbers: Person['numbers'] = [{ kind: 'mobile', dial: `1380000${id.length}` }];
  return { id, name: { zh }, title: '', organisation: 'root', numbers, deputies: [], ...more };
}

export function testDirectory(): StepDirectory {
  return testDirectoryOf(TEST_SITE);
}

export function testDirectoryOf(site: Site): StepDirectory {
  const find =
    <T extends { id: string }>(items: readonly T[]) =>
    (id: string) =>
      items.find((item) => item.id === id);
  return {
    site,
    person: find(site.people),
    group: find(site.groups),
    zone: find(site.zones),
    channel: find(site.channels),
    gauge: find(site.gauges),
    device: find(site.devices),
  };
}

type Party = Parameters<StepConference['add']>[0];

/** A conference whose parties do what the test says. */
export class FakeConference implements StepConference {
  readonly id: string;
  readonly number = '8100';
  readonly parties: Party[] = [];
  readonly patched: string[] = [];
  readonly redialled: string[] = [];
  endedBecause: string | undefined;
  readonly #ended = Promise.withResolvers<string>();
  readonly #clock: Clock;

  constructor(id: string, clock: Clock) {
    this.id = id;
    this.#clock = clock;
  }

  get ended() {
    return this.#ended.promise;
  }

  add(party: Party): void {
    this.parties.push(party);
    this.becomes(party.person, 'dialling');
  }

  /** Tells of a participant; states that end the trying are settled. */
  becomes(person: string, state: PartyChange['state'], more: Partial<PartyChange> = {}): void {
    const party = this.parties.find((one) => one.person === person || one.person === more.standsInFor)!;
    const isSettled = ['in', 'refused', 'unanswered', 'unreachable', 'busy', 'replaced', 'left'].includes(state);
    party.onState({ person, state, at: this.#clock.now(), attempts: 1, isSettled, ...more });
  }

  redial(person: string): Promise<void> {
    this.redialled.push(person);
    return Promise.resolve();
  }

  callDeputy(): Promise<void> {
    return Promise.resolve();
  }

  patch(channel: string) {
    this.patched.push(channel);
    return Promise.resolve({ kind: 'patched' } as const);
  }

  unpatch(): Promise<void> {
    return Promise.resolve();
  }

  end(reason: string): Promise<void> {
    this.endedBecause ??= reason;
    this.#ended.resolve(reason);
    return Promise.resolve();
  }
}

/** Every port, with what was asked of it, and levers to make it act. */
export function testPorts(clock: Clock) {
  const conferences: FakeConference[] = [];
  const plays: (Parameters<StepAnnouncements['play']>[0] & { end(kind?: ZoneOutcome['kind']): void })[] = [];
  const calls: (Parameters<StepCalls['callParty']>[0] & { ends(kind: CallPartyOutcome['kind']): void })[] = [];
  const feeds: Parameters<StepFeeds['ask']>[0][] = [];
  const texts = new Map<string, TextState & NewText>();
  const handed: string[] = [];
  const gauges = new Map<string, GaugeView>();
  const spoken: string[] = [];
  const incidents: string[] = [];
  const emitter = new Emitter<{ text: [TextState]; gauge: [GaugeView] }>();
  const online = { texts: true };

  const tellText = (id: string, state: TextState['state']) => {
    const text = texts.get(id)!;
    Object.assign(text, { state, at: clock.now() });
    emitter.emit('text', { ...text });
  };
  const sendAll = async (wanted: NewText[]): Promise<TextState[]> =>
    wanted.map((text) => {
      if (!texts.has(text.id)) {
        const person = 'person' in text.to ? text.to.person : undefined;
        texts.set(text.id, { ...text, person, state: 'queued', at: clock.now() });
        handed.push(text.id);
        emitter.emit('text', { ...texts.get(text.id)! });
      }
      return { ...texts.get(text.id)! };
    });

  const ports: PlanPorts = {
    directory: testDirectory(),
    conferences: {
      open() {
        const conference = new FakeConference(`conference-${conferences.length + 1}`, clock);
        conferences.push(conference);
        return Promise.resolve(conference);
      },
    },
    announcements: {
      zoneState: () => 'ready',
      play(options) {
        const ended = Promise.withResolvers<ReadonlyMap<string, ZoneOutcome>>();
        const end = (kind: ZoneOutcome['kind'] = 'played') =>
          ended.resolve(new Map(options.zones.map((zone) => [zone, { kind }])));
        options.signal.addEventListener('abort', () => end('stopped'));
        plays.push({ ...options, end });
        for (const zone of options.zones) options.onZone({ zone, state: 'calling', at: clock.now() });
        return { ended: ended.promise };
      },
    },
    channels: { isReady: () => true },
    calls: {
      callParty(options) {
        const { promise, resolve } = Promise.withResolvers<CallPartyOutcome>();
        options.signal.addEventListener('abort', () => resolve({ kind: 'aborted' }));
        calls.push({ ...options, ends: (kind) => resolve({ kind } as CallPartyOutcome) });
        options.onState({ person: options.person, state: 'dialling', at: clock.now(), attempts: 1, isSettled: false });
        return promise;
      },
      reachability: () => 'reachable',
      freeLines: () => 30,
    },
    texts: {
      send: async (text) => (await sendAll([text]))[0]!,
      sendAll,
      watch: (listener) => emitter.on('text', listener),
      isOnline: () => online.texts,
    },
    feeds: {
      ask(options) {
        feeds.push(options);
        return Promise.resolve({ feed: options.id, link: `https://x/${options.person}` });
      },
    },
    incidents: {
      open(incident) {
        if (!incidents.includes(incident.id ?? '')) incidents.push(incident.id ?? 'incident-x');
        return Promise.resolve({ id: incident.id ?? 'incident-x', number: '0412' });
      },
    },
    gauges: {
      gauge: (id) => gauges.get(id),
      watchGauges: (listener) => emitter.on('gauge', listener),
    },
    speech: {
      speak({ text }) {
        spoken.push(text);
        return Promise.resolve({ file: 'x.wav', durationMs: 1000 });
      },
    },
  };
  const measure = (id: string, value: number) => {
    const view = { id, value, at: clock.now(), isSilent: false };
    gauges.set(id, view);
    emitter.emit('gauge', view);
  };
  return { ports, conferences, plays, calls, feeds, texts, handed, spoken, incidents, tellText, measure, online };
}
