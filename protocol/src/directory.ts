import { z } from 'zod';
import { AnnouncementPriority, Bearer, Id, Location, Name } from './common.ts';
import { ROUTING_FIELDS, Trunk } from './routing.ts';
import { CallFeatures } from './features.ts';
import { RecordingSettings } from './recording.ts';

/** A unit in the tree of organisations; `parent` is absent at the root. Rights reach down the tree from where they are given. */
export const Organisation = z.object({ id: Id, name: Name, parent: Id.optional() });
export type Organisation = z.infer<typeof Organisation>;

/** A way to reach a person. `dial` is what the softswitch dials: an extension, or a number routed to a trunk. */
export const PhoneNumber = z.object({
  kind: z.enum(['desk', 'mobile', 'home', 'satellite', 'radio']),
  dial: z.string().regex(/^[0-9*#+]{2,24}$/, 'a number has 2-24 digits, *, # or +'),
});
export type PhoneNumber = z.infer<typeof PhoneNumber>;

/** Medical and household facts of someone who is looked after; every view of it is on the timeline. */
export const CareFile = z.object({
  birthYear: z.number().int().min(1900).max(2100).optional(),
  gender: z.enum(['female', 'male']).optional(),
  address: z.string().max(200).optional(),
  livesAlone: z.boolean().optional(),
  conditions: z.string().max(400).optional(),
  allergies: z.string().max(400).optional(),
  medication: z.string().max(400).optional(),
  bloodGroup: z.string().max(40).optional(),
  mobility: z.string().max(400).optional(),
  dwelling: z.string().max(400).optional(),
  hospital: z.string().max(200).optional(),
  keyHolder: z.string().max(200).optional(),
  history: z.string().max(400).optional(),
  /** Whom to call, in this order. */
  contacts: z
    .array(z.object({ person: Id, relation: z.string().max(40) }))
    .max(20)
    .default([]),
});
export type CareFile = z.infer<typeof CareFile>;

export const Person = z.object({
  id: Id,
  name: Name,
  title: z.string().max(80).default(''),
  organisation: Id,
  /** In the order in which they are tried. */
  numbers: z.array(PhoneNumber).max(10).default([]),
  /** Where short messages go; absent: the first mobile number. */
  textNumber: z.string().max(24).optional(),
  /** Who stands in, in this order, when this person does not confirm. */
  deputies: z.array(Id).max(5).default([]),
  absence: z.object({ reason: z.string().max(80) }).optional(),
  location: Location.optional(),
  care: CareFile.optional(),
});
export type Person = z.infer<typeof Person>;

/** A named set of people; may be nested one in another by listing the other group's id with `group:`. */
export const Group = z.object({ id: Id, name: Name, people: z.array(Id).max(1000) });
export type Group = z.infer<typeof Group>;

/** A place where loudspeakers stand. The gateway or the horn itself answers the SIP address. */
export const Zone = z.object({
  id: Id,
  name: Name,
  organisation: Id,
  /** `gateway`: the gateway that serves it (multicast RTP behind it). `sip`: a SIP paging horn rung directly. */
  reach: z.discriminatedUnion('kind', [
    z.object({ kind: z.literal('gateway'), gateway: Id }),
    z.object({ kind: z.literal('sip'), account: z.string() }),
  ]),
  horns: z.number().int().min(1).max(1000).default(1),
  bearer: Bearer.default('ip'),
  outline: z.array(Location).max(200).default([]),
});
export type Zone = z.infer<typeof Zone>;

/** Zones that are often wanted together; its id stands where a zone's may stand. */
export const ZoneGroup = z.object({ id: Id, name: Name, zones: z.array(Id).min(1).max(200) });
export type ZoneGroup = z.infer<typeof ZoneGroup>;

/** A WAV file of the site that can be played on loudspeakers. */
export const Sound = z.object({
  id: Id,
  name: Name,
  file: z.string().regex(/^[\w][\w./-]{0,120}\.wav$/, 'a .wav file below the site’s folder'),
  priority: AnnouncementPriority.default('routine'),
});
export type Sound = z.infer<typeof Sound>;

/** A radio channel: half-duplex, one talker at a time, reached through its gateway. */
export const Channel = z.object({
  id: Id,
  name: Name,
  organisation: Id,
  gateway: Id,
  bearer: Bearer,
  /** A phone that dials it listens to the channel, and keys it with * (speak) and # (let go). */
  number: z
    .string()
    .regex(/^[0-9]{2,8}$/)
    .optional(),
  /** With `voice` such a phone keys it by speaking as well; absent: with its keys alone. */
  keying: z.enum(['keys', 'voice']).optional(),
  location: Location.optional(),
  coverageMetres: z.number().positive().optional(),
  /** What was measured on this channel, where it differs from what its bearer is known for; milliseconds. */
  floor: z
    .object({
      keyUpMs: z.number().int().min(0).max(5_000).optional(),
      tailMs: z.number().int().min(0).max(5_000).optional(),
      hangMs: z.number().int().min(0).max(60_000).optional(),
      talkLimitMs: z.number().int().min(1_000).max(600_000).optional(),
      warnBeforeMs: z.number().int().min(0).max(60_000).optional(),
      oneWayDelayMs: z.number().int().min(0).max(5_000).optional(),
    })
    .optional(),
});
export type Channel = z.infer<typeof Channel>;

/** A thing on the wall that measures; thresholds in the unit of the reading. */
export const Gauge = z.object({
  id: Id,
  name: Name,
  organisation: Id,
  measures: z.enum(['water-level', 'rainfall', 'flow']),
  unit: z.string().max(16),
  location: Location,
  thresholds: z
    .array(
      z.object({
        level: z.union([z.literal(1), z.literal(2), z.literal(3), z.literal(4)]),
        above: z.number(),
        plan: Id.optional(),
      }),
    )
    .max(4)
    .default([]),
  /** How far the value must fall below a threshold before it counts as left; absent: 0. */
  hysteresis: z.number().nonnegative().optional(),
  /** A rise faster than this, in the gauge's unit per hour, is an alarm of its own. */
  risePerHour: z.number().positive().optional(),
  /** Seconds without a reading after which the gauge is silent; absent: 3600. */
  silentAfterS: z.number().int().min(5).max(604_800).optional(),
});
export type Gauge = z.infer<typeof Gauge>;

/** A value above a limit, or a rise faster than one, or both. */
export const GaugeCondition = z
  .object({
    gauge: Id,
    above: z.number().optional(),
    /** How far the value must fall below before the condition is left. */
    hysteresis: z.number().nonnegative().optional(),
    /** In the gauge's unit. */
    risePerHour: z.number().positive().optional(),
  })
  .refine(
    ({ above, risePerHour }) => above !== undefined || risePerHour !== undefined,
    'a condition says above or risePerHour',
  );
export type GaugeCondition = z.infer<typeof GaugeCondition>;

/** Several stations together are an alarm: every condition of `all`, and one of `any`. */
export const GaugeRule = z
  .object({
    id: Id,
    name: Name,
    level: z.union([z.literal(1), z.literal(2), z.literal(3), z.literal(4)]).default(2),
    all: z.array(GaugeCondition).max(20).default([]),
    any: z.array(GaugeCondition).max(20).default([]),
    plan: Id.optional(),
    /** Whether the plan waits for a press. */
    do: z.enum(['propose', 'start']).default('propose'),
  })
  .refine(({ all, any }) => all.length + any.length > 0, 'a rule has conditions');
export type GaugeRule = z.infer<typeof GaugeRule>;

/** A one-key alarm device. */
export const AlarmDevice = z.object({
  id: Id,
  name: Name,
  organisation: Id,
  person: Id,
  /** How the device or its owner is called back. */
  callBack: z.string().optional(),
  location: Location.optional(),
  plan: Id.optional(),
  /** Seconds without a heartbeat after which the device is silent, which is an alarm of its own. */
  silentAfterS: z.number().int().min(5).max(604_800).default(3600),
});
export type AlarmDevice = z.infer<typeof AlarmDevice>;

/** A camera of the site. Its address and its password are its gateway's (`gateways.yaml`). */
export const Camera = z.object({
  id: Id,
  name: Name,
  organisation: Id,
  gateway: Id,
  /** Where it stands. */
  location: Location,
  /** What it looks at, where that is elsewhere: distances to an alarm are measured from here. */
  looksAt: Location.optional(),
  bearer: Bearer.default('ip'),
});
export type Camera = z.infer<typeof Camera>;

/** A right, given to a role. */
export const Right = z.enum([
  'view', // see the desk
  'call', // call people, run conferences
  'supervise', // listen in, whisper, barge in, release: on the talks of those below
  'priority', // calls ring whoever does not want to be disturbed
  'page', // speak and play to PA zones
  'text', // send short messages
  'talk', // take the floor of radio channels
  'watch', // see video, ask for it
  'steer', // move cameras
  'alarm', // acknowledge and close alarms
  'run-plan', // start and stop plans
  'drill', // start plans as a drill
  'edit-plan', // check and save plan documents
  'view-care', // see a person's medical file
  'replay', // timeline and recordings
  'record', // start, stop and pause recordings by hand
  'delete-recording', // for good, with a reason
  'export', // take evidence out
  'administer', // everything of the system's own
]);
export type Right = z.infer<typeof Right>;

export const Role = z.object({
  id: Id,
  name: Name,
  rights: z.array(Right),
  /** Who supervises must stand higher than those he supervises; whoever may not log in stands at 0. */
  rank: z.number().int().min(0).max(9).default(0),
});
export type Role = z.infer<typeof Role>;

/** Who may log in. The password is not in the file: it comes from TOCSIN_ADMIN_PASSWORD on the first run or is set by the administrator. */
export const User = z.object({
  id: Id,
  name: Name,
  role: Id,
  /** The top of the subtree he sees and controls. */
  organisation: Id,
  /** The SIP account of his seat, used by the browser phone. */
  account: z.string().optional(),
  person: Id.optional(),
});
export type User = z.infer<typeof User>;

/** A SIP account. `password` in a file is for demonstration sites on loopback only. */
export const Account = z.object({
  user: z.string().regex(/^[A-Za-z0-9._-]{1,40}$/),
  password: z.string().optional(),
  name: Name.optional(),
  person: Id.optional(),
  kind: z.enum(['phone', 'seat', 'horn', 'gateway']).default('phone'),
  /** What it may call outside; absent: the site's `callClass`. */
  callClass: Id.optional(),
  /** Whether its sound is secured by SRTP with SDES keys: never, where the phone can, or always. Absent: where it can. */
  srtp: z.enum(['off', 'offered', 'required']).optional(),
  /** Keys may be told over UDP and TCP too, where everybody on the way can read them. Absent: over TLS only. */
  srtpWithoutTls: z.boolean().optional(),
  /** What a caller from outside hears before he is put through to it, alone; `{number}` is its number, key by key. */
  greeting: z.string().max(200).optional(),
  /** How long a talk that it has begun may last, in seconds; both are warned before. */
  talkLimitS: z.number().int().min(10).max(86_400).optional(),
});
export type Account = z.infer<typeof Account>;

/** Several who are rung for one number, and in which order. */
export const HuntGroup = z.object({
  number: z.string().regex(/^[0-9]{2,8}$/),
  name: Name,
  /** Numbers as one would dial them: phones of the house, or outside ones. */
  members: z
    .array(z.string().regex(/^[0-9*#+]{2,24}$/))
    .min(1)
    .max(100),
  strategy: z.enum(['in-turn', 'all-at-once', 'longest-idle']).default('in-turn'),
  /** How long one rings before the next; all at once ring for the whole time. */
  ringEachS: z.number().int().min(5).max(120).default(15),
  /** How long the group looks for somebody in all. */
  totalS: z.number().int().min(5).max(600).default(60),
  /** Where the call goes when nobody is free or nobody comes. */
  overflow: z
    .string()
    .regex(/^[0-9*#+]{2,24}$/)
    .optional(),
});
export type HuntGroup = z.infer<typeof HuntGroup>;

const Pin = z.string().regex(/^[0-9]{4,12}$/, 'a PIN has 4-12 digits');

export const ConferenceRoom = z.object({
  number: z.string().regex(/^[0-9]{2,8}$/),
  name: Name,
  /** Asked of whoever dials in. Absent: nobody is asked. */
  pin: Pin.optional(),
  /** Makes a chair of whoever dials in. */
  chairPin: Pin.optional(),
  /** Participants at most; absent: what the system can hold. */
  limit: z.number().int().min(2).max(400).optional(),
  /** A tone when somebody comes or goes. */
  tones: z.boolean().default(false),
});
export type ConferenceRoom = z.infer<typeof ConferenceRoom>;

/**
 * A text that is written often. `{name}`, `{title}`, `{number}` are the recipient's, `{sender}` who sends it, `{site}`, `{date}` and
 * `{time}` the moment's; any other word in braces is asked for when it is sent.
 */
export const TextTemplate = z.object({ id: Id, name: Name, text: z.string().min(1).max(500) });
export type TextTemplate = z.infer<typeof TextTemplate>;

/** A whole site, as its files describe it. */
export const Site = z.object({
  id: Id,
  name: Name,
  centre: Location,
  /** First view of the map: zoom 1-20. */
  zoom: z.number().min(1).max(20).default(14),
  /** A GeoJSON file beside the site's files that serves as the base map without internet. */
  baseMap: z.string().optional(),
  organisations: z.array(Organisation),
  roles: z.array(Role),
  users: z.array(User),
  people: z.array(Person),
  groups: z.array(Group).default([]),
  accounts: z.array(Account).default([]),
  trunks: z.array(Trunk).default([]),
  ...ROUTING_FIELDS,
  huntGroups: z.array(HuntGroup).default([]),
  rooms: z.array(ConferenceRoom).default([]),
  features: CallFeatures.prefault({}),
  recording: RecordingSettings.prefault({}),
  zones: z.array(Zone).default([]),
  channels: z.array(Channel).default([]),
  gauges: z.array(Gauge).default([]),
  gaugeRules: z.array(GaugeRule).max(200).default([]),
  devices: z.array(AlarmDevice).default([]),
  cameras: z.array(Camera).max(1000).default([]),
  /** Plan ids in the order of the desk's buttons. */
  planButtons: z.array(Id).default([]),
  /** Every resource is tried at this hour by the clock of the machine; without it on demand only. */
  morningCheck: z
    .object({
      at: z
        .string()
        .regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'an hour such as 07:30')
        .optional(),
      /** Numbers that must be there. */
      numbers: z
        .array(z.object({ number: z.string().regex(/^[0-9*#+]{2,24}$/), name: Name }))
        .max(100)
        .default([]),
    })
    .optional(),
  textTemplates: z.array(TextTemplate).max(200).default([]),
  zoneGroups: z.array(ZoneGroup).max(100).default([]),
  sounds: z.array(Sound).max(200).default([]),
});
export type Site = z.infer<typeof Site>;
